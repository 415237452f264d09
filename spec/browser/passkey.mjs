// Passkeys with Chromium's virtual authenticator. Called by browser_spec.lua with what it has made: one JSON argument.
import { accessible, check, end, it, launch, screenshots, visit } from './browser.mjs';

const world = JSON.parse(process.argv[2]);
const browser = await launch();

// A browser with an authenticator of its own.
const person = async (expected = [], more = {}) => {
  const one = await visit(browser, {}, expected);
  const session = await one.context.newCDPSession(one.page);
  await session.send('WebAuthn.enable');
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', { options: {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    automaticPresenceSimulation: true, ...more } });
  return { ...one, session, authenticatorId };
};
const byFingerprint = async (page, fingerprint, path = '/account') => {
  await page.goto(`${world.issuer}/idp/login?prompt=login&return_to=${path}`);
  await page.getByLabel('Your fingerprint').fill(fingerprint);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
};
const says = async (page, words) => {
  await page.getByText(words).first().waitFor();
};

await it('one is made, signs in by itself, and is removed', async () => {
  const { page, done } = await person();
  await byFingerprint(page, world.fingerprint, '/account/passkeys');
  await page.getByLabel('Where is it?').fill('This laptop');
  await page.getByRole('button', { name: 'Make a passkey' }).click();
  await says(page, 'This laptop');
  await accessible(page);
  await screenshots(page, 'account_passkeys', world.screenshots);
  await page.goto(`${world.issuer}/idp/login?prompt=login&return_to=/account`);
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.waitForURL('**/account');
  await says(page, 'by passkey');
  await page.getByRole('link', { name: 'Passkeys' }).click();
  await page.getByRole('button', { name: 'Remove: This laptop' }).click();
  await page.waitForURL('**/account/passkeys');
  check(!(await page.textContent('main')).includes('This laptop'), 'it is still there');
  await done();
});

await it('where there is none, the page says so and goes on', async () => {
  const { page, done, session, authenticatorId } = await person();
  await session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: true });
  await page.goto(`${world.issuer}/idp/login`);
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await says(page, 'The passkey was not used:');
  check(await page.getByRole('button', { name: 'Sign in with a passkey' }).isEnabled(), 'the button is dead');
  await done();
});

await it('one that was removed signs nobody in', async () => {
  const { page, done } = await person([401]);
  await byFingerprint(page, world.fingerprint, '/account/passkeys');
  await page.getByRole('button', { name: 'Make a passkey' }).click();
  await page.getByRole('button', { name: /^Remove: / }).click();
  await page.goto(`${world.issuer}/idp/login?prompt=login`);
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await says(page, 'No account has this passkey.');
  await done();
});

await it('as a second factor: made at first, asked for then', async () => {
  const { page, done } = await person();
  await byFingerprint(page, world.careful.fingerprint);
  await says(page, 'One more step');
  await accessible(page);
  await screenshots(page, 'second_factor', world.screenshots);
  await page.getByRole('button', { name: 'Make a passkey' }).click();
  await page.waitForURL('**/account');
  await byFingerprint(page, world.careful.fingerprint);
  await page.getByRole('button', { name: 'Use my passkey' }).click();
  await page.waitForURL('**/account');
  await says(page, 'by fingerprint+passkey');
  await done();
});

await browser.close();
end();
