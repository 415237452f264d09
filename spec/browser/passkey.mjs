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
  const kept = async (count) => { // until the authenticator has so many
    const until = Date.now() + 8000;
    const has = async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length;
    while (await has() !== count) check(Date.now() < until, `the authenticator has ${await has()}, not ${count}`);
  };
  return { ...one, session, authenticatorId, kept };
};
const make = async (page, name) => {
  await page.getByLabel('Where is it?').fill(name);
  await page.getByRole('button', { name: 'Make a passkey' }).click();
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
  const { page, done, kept } = await person();
  await byFingerprint(page, world.fingerprint, '/account/passkeys');
  await make(page, 'This laptop');
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
  await kept(0);
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

await it('one that was removed elsewhere signs nobody in, and is forgotten', async () => {
  const { page, done, kept } = await person([401]);
  await byFingerprint(page, world.fingerprint, '/account/passkeys');
  await make(page, 'The lost one');
  await says(page, 'The lost one');
  const elsewhere = await person();
  await byFingerprint(elsewhere.page, world.fingerprint, '/account/passkeys');
  await elsewhere.page.getByRole('button', { name: 'Remove: The lost one' }).click();
  await elsewhere.page.getByText('The lost one').first().waitFor({ state: 'detached' });
  await elsewhere.done();
  await kept(1);
  await page.goto(`${world.issuer}/idp/login?prompt=login`);
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await says(page, 'No account has this passkey.');
  await kept(0);
  await done();
});

await it('one is made where the browser gives out no key, as with password managers', async () => {
  const { page, done } = await person();
  await page.addInitScript(() => {
    AuthenticatorAttestationResponse.prototype.getPublicKey = () => null;
    delete AuthenticatorAttestationResponse.prototype.getAuthenticatorData;
  });
  await byFingerprint(page, world.fingerprint, '/account/passkeys');
  await make(page, 'Managed');
  await page.getByRole('button', { name: 'Remove: Managed' }).click();
  await page.getByText('Managed').first().waitFor({ state: 'detached' });
  await done();
});

await it('one is made on a page that was open for long, and none is left over that was refused', async () => {
  const { page, done, kept } = await person([400]);
  await byFingerprint(page, world.fingerprint, '/account/passkeys');
  const forged = () => { document.querySelector('form[data-passkey]').dataset.challenge = 'not one of ours'; };
  await page.evaluate(forged);
  await make(page, 'Refused');
  await says(page, 'That took too long.');
  await kept(0);
  await page.goto(`${world.issuer}/account/passkeys`);
  await page.evaluate(forged);
  await page.evaluate(() => { // an hour later
    const now = Date.now;
    Date.now = () => now() + 3600000;
  });
  await make(page, 'Late');
  await page.getByRole('button', { name: 'Remove: Late' }).click();
  await page.getByText('Late').first().waitFor({ state: 'detached' });
  await done();
});

await it('what the browser says of one is said in words', async () => {
  const { page, done, session, authenticatorId } = await person();
  await byFingerprint(page, world.fingerprint, '/account/passkeys');
  await make(page, 'Twice');
  await says(page, 'Twice');
  await make(page, 'Again');
  await says(page, 'The passkey was not used: there is one of yours here already.');
  await page.getByRole('button', { name: 'Remove: Twice' }).click();
  await page.getByText('Twice').first().waitFor({ state: 'detached' });
  await session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  await make(page, 'Unwilling');
  await says(page, 'The passkey was not used: it was cancelled, or took too long. Try again.');
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
