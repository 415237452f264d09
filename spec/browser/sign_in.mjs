// Signing in and consent, as people do it. Called by browser_spec.lua with what it has made: one JSON argument.
import { accessible, check, DESKTOP, end, install, isolated, it, launch, PHONE, screenshots, sign, visit } from './browser.mjs';

const world = JSON.parse(process.argv[2]);
const browser = await launch();

const authorize = (app, more = {}) => {
  const params = new URLSearchParams({ response_type: 'code', client_id: app.client_id,
    redirect_uri: app.redirect_uris[0], state: 's t&%', scope: 'openid profile account:read', ...more });
  return `${world.issuer}/idp/authorize?${params}`;
};
const landed = async (page) => {
  await page.waitForURL(`${world.web}/**`);
  return new URL(page.url()).searchParams;
};
const signIn = async (page, fingerprint = world.fingerprint) => {
  await page.getByLabel('Your fingerprint').fill(fingerprint);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
};
const approve = (page) => page.getByRole('button', { name: 'Allow' }).click();

await it('a fingerprint, approved', async () => {
  const { page, done } = await visit(browser);
  const requests = [];
  page.on('request', (request) => requests.push(new URL(request.url()).pathname));
  await page.goto(authorize(world.app));
  const before = requests.filter((path) => path !== '/idp/authorize' && !path.endsWith('.js'));
  check(before.length === 1 && before[0].endsWith('style.css'), `first paint needs ${before}`);
  await signIn(page);
  await page.waitForURL('**/consent?**');
  check((await page.textContent('main')).includes('It would be able to'), 'it does not say what');
  await approve(page);
  const params = await landed(page);
  check(params.get('code') && params.get('state') === 's t&%' && params.get('iss') === world.issuer, `${params}`);
  await done();
});

await it('a wallet extension', async () => {
  const { context, page, done } = await visit(browser);
  await install(context, '//Alice');
  await page.goto(authorize(world.app, { prompt: 'consent' }));
  await page.getByRole('button', { name: /Polkadot/ }).click();
  await page.waitForURL('**/consent?**');
  await approve(page);
  check((await landed(page)).get('code'), 'no code');
  await done();
});

await it('a signature that is pasted', async () => {
  const { page, done } = await visit(browser);
  await page.goto(authorize(world.app, { prompt: 'consent' }));
  await page.getByText('Sign with a wallet on your computer').click();
  const message = (await page.locator('.steps code').first().textContent()).trim();
  await page.getByLabel('Your hotkey').fill(world.hotkey);
  await page.getByLabel('The signature').fill(sign('//Alice', message, true));
  await page.getByRole('button', { name: 'Sign in with this signature' }).click();
  await page.waitForURL('**/consent?**');
  await done();
});

await it('denied', async () => {
  const { page, done } = await visit(browser);
  await page.goto(authorize(world.app, { prompt: 'consent' }));
  await signIn(page);
  await page.getByRole('button', { name: 'Deny' }).click();
  check((await landed(page)).get('error') === 'access_denied', page.url());
  await done();
});

await it('a wrong secret says so, and the right one works then', async () => {
  const { page, done } = await visit(browser, {}, [401]);
  await page.goto(authorize(world.app));
  await signIn(page, 'wrong');
  check((await page.getByRole('alert').textContent()).includes('not right'), 'no message');
  await signIn(page);
  await page.waitForURL(/consent|cb/);
  await done();
});

await it('optional scopes stay out when they are not ticked', async () => {
  const { page, done } = await visit(browser);
  await page.goto(authorize(world.app, { prompt: 'consent' }));
  await signIn(page);
  await page.getByRole('checkbox').first().uncheck();
  await approve(page);
  check((await landed(page)).get('code'), 'no code');
  await done();
});

await it('back after approving: the page says that it was answered', async () => {
  const { page, done } = await visit(browser, {}, [400]);
  await page.goto(authorize(world.app, { prompt: 'consent' }));
  await signIn(page);
  await page.waitForURL('**/consent?**');
  const url = page.url();
  await approve(page);
  await landed(page);
  await page.goto(url);
  check((await page.textContent('main')).includes('answered already'), 'it does not say so');
  await done();
});

await it('two tabs, each to its end', async () => {
  const { context, page, done } = await visit(browser);
  const other = await context.newPage();
  await page.goto(authorize(world.app, { prompt: 'consent', state: 'one' }));
  await other.goto(authorize(world.app, { prompt: 'consent', state: 'two' }));
  await signIn(page);
  await signIn(other);
  await other.waitForURL('**/consent?**');
  await approve(other);
  check((await landed(other)).get('state') === 'two', other.url());
  await page.goto(authorize(world.app, { prompt: 'consent', state: 'one' }));
  await approve(page);
  check((await landed(page)).get('state') === 'one', page.url());
  await done();
});

await it('a second app without a second sign-in, and what was allowed is not asked again', async () => {
  const { page, done } = await visit(browser);
  await page.goto(authorize(world.app, { prompt: 'consent' }));
  await signIn(page);
  await approve(page);
  await landed(page);
  await page.goto(authorize(world.second));
  await page.waitForURL('**/consent?**');
  await approve(page);
  await landed(page);
  await page.goto(authorize(world.second));
  check((await landed(page)).get('code'), 'it was asked again');
  await done();
});

await it('with the keyboard alone', async () => {
  const { page, done } = await visit(browser);
  await page.goto(authorize(world.app, { prompt: 'consent' }));
  const focus = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
  for (let i = 0; (await focus()) !== 'fingerprint' && i < 10; i += 1) await page.keyboard.press('Tab');
  await page.keyboard.type(world.fingerprint);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/consent?**');
  for (let i = 0; (await focus()) !== 'Allow' && i < 20; i += 1) await page.keyboard.press('Tab');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  check(outline !== 'none', 'the focus is not to be seen');
  await page.keyboard.press('Enter');
  check((await landed(page)).get('code'), 'no code');
  await done();
});

await it('an answer by form_post arrives', async () => {
  const { page, done } = await visit(browser);
  await page.goto(authorize(world.app, { prompt: 'consent', response_mode: 'form_post' }));
  await signIn(page);
  await approve(page);
  await landed(page);
  await done();
});

await it('names, descriptions and addresses of an app run no script', async () => {
  const { page, done } = await visit(browser, {}, ['net::ERR']);
  await page.goto(authorize(world.hostile, { prompt: 'consent', state: '"><script>alert(1)</script>' }));
  check((await page.content()).includes('&lt;img'), 'the description is not there');
  check((await page.locator('img.logo').getAttribute('onerror')) === null, 'the logo brought a handler');
  await signIn(page);
  await page.waitForURL('**/consent?**');
  await approve(page);
  await landed(page);
  await done();
});

const loud = [world.loud.name, world.loud.owner, 'Security notice'];
const box = async (page, selector) => {
  const found = await page.locator(selector).last().boundingBox();
  check(found, `there is no ${selector}`);
  return { ...found, end: found.y + found.height };
};
// No line of the maker's can be taken for one of ours, or moves it away.
const quoted = async (page, above) => {
  const quote = await box(page, 'figure.quote');
  for (const ours of above) check((await box(page, ours)).end <= quote.y, `${ours} is below the maker's words`);
  check((await page.locator('figure.quote figcaption').textContent()).includes('The maker of this app says:'), 'no label');
  const words = await page.locator('figure.quote blockquote').evaluate((one) => ({
    height: one.getBoundingClientRect().height, line: parseFloat(getComputedStyle(one).lineHeight) }));
  check(words.height > words.line && words.height <= words.line * 3 + 1, `${words.height} px high`);
  check(quote.height < 150, `the quote is ${quote.height} px high`);
};
for (const [size, viewport] of [['phone', PHONE], ['desktop', DESKTOP]]) {
  await it(`the maker's words are quoted, three lines high and below our own, on a ${size}`, async () => {
    const { page, done } = await visit(browser, { viewport });
    await page.goto(authorize(world.loud, { prompt: 'consent' }));
    await quoted(page, ['h1', '#fingerprint', '.note']);
    await isolated(page, loud);
    await accessible(page);
    await screenshots(page, 'login_loud', world.screenshots);
    await page.setViewportSize(viewport);
    await signIn(page);
    await page.waitForURL('**/consent?**');
    await quoted(page, ['h1', '.warning', '.scopes', '.facts']);
    check((await box(page, '.warning')).end < viewport.height, 'the warning is not on the first screen');
    await isolated(page, [...loud, world.user.username]);
    await accessible(page);
    await screenshots(page, 'consent_loud', world.screenshots);
    await page.goto(`${world.issuer}/idp/logout?client_id=${world.loud.client_id}`);
    await isolated(page, [...loud, world.user.username]);
    await done();
  });
}

await it('no page can be framed by another site', async () => {
  const { context, page } = await visit(browser);
  await page.goto(`${world.web}/frame`);
  const frame = page.frames().find((one) => one !== page.mainFrame());
  await page.waitForLoadState('load');
  check(!frame || !frame.url().startsWith(world.issuer), `framed: ${frame?.url()}`);
  await context.close();
});

await it('a form that another site sends is refused', async () => {
  const { context, page } = await visit(browser);
  await page.goto(`${world.web}/forge`);
  await page.getByRole('button').click();
  await page.waitForURL('**/idp/login');
  check((await page.textContent('main')).includes('another site'), await page.textContent('main'));
  await context.close();
});

const pages = {
  login: (page) => page.goto(authorize(world.app)),
  login_wrong: async (page) => { await page.goto(authorize(world.app)); await signIn(page, 'wrong'); },
  consent: async (page) => {
    await page.goto(authorize(world.app, { prompt: 'consent' }));
    await signIn(page);
    await page.waitForURL('**/consent?**');
  },
  error: (page) => page.goto(`${world.issuer}/idp/authorize?client_id=cid_x&redirect_uri=https://x.example/`),
  device: (page) => page.goto(`${world.issuer}/idp/device`),
  home: (page) => page.goto(world.issuer),
  signed_out: (page) => page.goto(`${world.issuer}/idp/logout`),
  logout: async (page) => {
    await page.goto(authorize(world.app, { prompt: 'consent' }));
    await signIn(page);
    await page.waitForURL('**/consent?**');
    await page.goto(`${world.issuer}/idp/logout`);
  },
};
for (const [name, open] of Object.entries(pages)) {
  await it(`the page ${name}: accessible, small, and as wide as the screen`, async () => {
    const { page, done } = await visit(browser, {}, [400, 401]);
    await open(page);
    await accessible(page);
    await screenshots(page, name, world.screenshots);
    const bytes = await page.evaluate(() => [...performance.getEntriesByType('navigation'),
      ...performance.getEntriesByType('resource').filter((one) => one.name.includes('.css'))]
      .reduce((sum, one) => sum + one.decodedBodySize, 0));
    check(bytes > 0 && bytes < 30 * 1024, `${bytes} bytes`);
    await done();
  });
}

await browser.close();
end();
