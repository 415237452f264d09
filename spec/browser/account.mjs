// One's own pages, as people use them. Called by browser_spec.lua with what it has made: one JSON argument.
import { accessible, check, end, isolated, it, launch, screenshots, visit } from './browser.mjs';

const world = JSON.parse(process.argv[2]);
const browser = await launch();

const signIn = async (page, path = '/account') => {
  await page.goto(world.issuer + path);
  await page.getByLabel('Your fingerprint').fill(world.fingerprint);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.waitForURL(`${world.issuer}${path}`);
};
const person = async (path, options = {}, expected = []) => {
  const one = await visit(browser, options, expected);
  await signIn(one.page, path);
  return one;
};
const says = async (page, words) => {
  const text = await page.textContent('main');
  check(text.includes(words), `"${words}" is not in: ${text}`);
};

await it('a sign-in leads to the page that was asked for', async () => {
  const { page, done } = await person('/account/directory?search=acme');
  await says(page, 'Acme Robots');
  await done();
});

await it('from page to page with the keyboard alone', async () => {
  const { page, done } = await person('/account');
  const focus = () => page.evaluate(() => document.activeElement.textContent.trim());
  for (let i = 0; (await focus()) !== 'API keys' && i < 20; i += 1) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/account/keys');
  const id = () => page.evaluate(() => document.activeElement.id);
  for (let i = 0; (await id()) !== 'name' && i < 30; i += 1) await page.keyboard.press('Tab');
  await page.keyboard.type('By keyboard');
  await page.keyboard.press('Enter');
  await page.getByText('Your new key').waitFor();
  await done();
});

await it('an app is made, changed, given a new secret, switched off, and deleted, without scripts', async () => {
  const { page, done } = await person('/account/apps', { javaScriptEnabled: false });
  await page.getByRole('link', { name: 'Make an app' }).click();
  await page.getByLabel('Name').fill('Made By Hand');
  await page.getByLabel('Redirect URIs').fill('https://one.example/cb\nhttps://two.example/cb');
  await page.getByRole('button', { name: 'Make the app' }).click();
  await says(page, 'client_secret');
  await page.getByRole('link', { name: 'Go on' }).click();
  await page.getByLabel('What it does').fill('Robots, by hand.');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Make a new secret' }).click();
  await says(page, 'client_secret');
  await page.getByRole('link', { name: 'Go on' }).click();
  await page.getByRole('button', { name: 'Switch off' }).click();
  await says(page, 'switched off');
  await page.getByLabel('Delete it for good').check();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.waitForURL('**/account/apps');
  check(!(await page.textContent('main')).includes('Made By Hand'), 'it is still there');
  await done();
});

await it('a form says what is wrong, and leads there', async () => {
  const { page, done } = await person('/account/new-app', {}, [422]);
  await page.getByLabel('Name').fill('Wrong <b>');
  await page.getByLabel('Redirect URIs').fill('javascript:alert(1)');
  await page.getByRole('button', { name: 'Make the app' }).click();
  await page.getByRole('link', { name: 'redirect_uris' }).click();
  check((await page.getByLabel('Redirect URIs').inputValue()) === 'javascript:alert(1)', 'it was lost');
  await accessible(page);
  await done();
});

await it('a sign-in elsewhere is ended from here', async () => {
  const other = await person('/account');
  const { page, done } = await person('/account/sessions');
  const row = page.locator('.rows > li').filter({ hasNotText: 'this browser' }).first();
  const id = await row.locator('[name=session_id]').inputValue(); // there may be more of them than a page shows
  await row.getByRole('button').click();
  await page.locator(`[name=session_id][value="${id}"]`).waitFor({ state: 'detached' });
  await other.page.reload();
  await other.page.getByLabel('Your fingerprint').waitFor();
  await other.done();
  await done();
});

await it('what a browser calls itself runs no script', async () => {
  const hostile = await person('/account', { userAgent: '"><script>alert(1)</script><img src=x onerror=alert(2)>' });
  await hostile.page.goto(`${world.issuer}/account/sessions`);
  await says(hostile.page, '<script>alert(1)</script>');
  await hostile.done();
});

await it('names, descriptions and addresses of apps run no script', async () => {
  const { page, done } = await person('/account/directory');
  await says(page, '<script>alert(2)</script>');
  const links = await page.locator('.maker a').evaluateAll((all) => all.map((one) => one.protocol));
  check(links.length > 0 && links.every((one) => one === 'https:'), `${links}`);
  for (const path of ['/account/apps', `/account/apps/${world.hostile.app_id}`, '/account/connected']) {
    await page.goto(world.issuer + path);
    check(!(await page.locator('main img, main script').count()), `${path} has an element of the app's`);
  }
  await done();
});

await it('names of keys run no script', async () => {
  const { page, done } = await person('/account/keys');
  await page.getByLabel('What is the key for?').fill('"><img src=x onerror=alert(1)>');
  await page.getByRole('button', { name: 'Make a key' }).click();
  await says(page, '"><img src=x onerror=alert(1)>');
  check(!(await page.locator('main img').count()), 'an element came of it');
  await done();
});

await it('a line break in what is sent makes no header', async () => {
  const { context, page } = await person('/account', {}, [400]);
  const evil = '\r\nSet-Cookie: evil=1\r\nX-Evil: 1';
  const params = new URLSearchParams({ response_type: 'code', client_id: world.app.client_id,
    redirect_uri: world.app.redirect_uris[0], state: evil, prompt: 'none', scope: 'openid' });
  const seen = [];
  page.on('response', (response) => seen.push(response.headers()));
  await page.goto(`${world.issuer}/idp/authorize?${params}`);
  check(new URL(page.url()).searchParams.get('state') === evil, page.url());
  await page.goto(`${world.issuer}/idp/login?prompt=login&return_to=${encodeURIComponent(`/account${evil}`)}`);
  await page.goto(`${world.issuer}/account/directory?search=${encodeURIComponent(evil)}`);
  await page.goto(`${world.issuer}/idp/logout?state=${encodeURIComponent(evil)}`);
  check(seen.length > 3 && seen.every((headers) => !headers['x-evil']), 'a header');
  check(!(await context.cookies()).some((cookie) => cookie.name === 'evil'), 'a cookie');
  await context.close();
});

await it('what others wrote keeps its direction to itself', async () => {
  const { page, done } = await person('/account');
  const others = [world.loud.name, world.loud.owner, 'Security notice', world.user.username];
  for (const [path, shows] of Object.entries({ '/account': world.user.username, '/account/connected': world.loud.name,
    '/account/directory': 'Security notice', [`/account/apps/${world.app.app_id}`]: world.loud.owner })) {
    await page.goto(world.issuer + path);
    await says(page, shows);
    await isolated(page, others);
  }
  await done();
});

await it('no form of another site is taken, and no sign-in leads to one', async () => {
  const { context, page } = await person('/account', {}, [400, 403]);
  await page.goto(`${world.web}/forge-key`);
  await page.getByRole('button').click();
  await page.waitForURL(/account|login/);
  await page.goto(`${world.issuer}/account/keys`);
  check(!(await page.textContent('main')).includes('Forged'), 'a key was made');
  for (const to of [`${world.web}/cb`, '//evil.example', '/account\\@evil.example']) {
    await page.goto(`${world.issuer}/idp/login?prompt=login&return_to=${encodeURIComponent(to)}`);
    await says(page, 'not a page of this server');
  }
  await context.close();
});

await it('a request that has expired says so', async () => {
  const { page, done } = await visit(browser, {}, [400]);
  const app = world.hasty.app;
  const params = new URLSearchParams({ response_type: 'code', client_id: app.client_id,
    redirect_uri: app.redirect_uris[0], state: 's' });
  await page.goto(`${world.hasty.issuer}/idp/authorize?${params}`);
  await page.getByLabel('Your fingerprint').fill(world.hasty.fingerprint);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.waitForURL('**/consent?**');
  await page.waitForTimeout(2100); // it lasts a second
  await page.getByRole('button', { name: 'Allow' }).click();
  await says(page, 'This request has expired. Go back to the app and try again.');
  await done();
});

const pages = {
  account: '/account',
  account_sessions: '/account/sessions',
  account_connected: '/account/connected',
  account_apps: '/account/apps',
  account_app: `/account/apps/${world.app.app_id}`,
  account_new_app: '/account/new-app',
  account_keys: '/account/keys',
  account_directory: '/account/directory',
};
for (const [name, path] of Object.entries(pages)) {
  await it(`the page ${name}: accessible, small, and as wide as the screen`, async () => {
    const { page, done } = await person('/account');
    const requests = [];
    page.on('request', (request) => requests.push(new URL(request.url()).pathname));
    await page.goto(world.issuer + path);
    check(requests.length <= 2, `first paint needs ${requests}`);
    await page.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = true; }));
    await accessible(page);
    await screenshots(page, name, world.screenshots);
    const bytes = await page.evaluate(async () => (await (await fetch(location.href)).text()).length
      + (await (await fetch(document.querySelector('link[rel=stylesheet]').href)).text()).length);
    check(bytes < 30 * 1024, `${bytes} bytes`);
    await done();
  });
}

await browser.close();
end();
