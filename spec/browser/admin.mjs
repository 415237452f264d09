// The pages of /admin, to be looked at. Called by browser_spec.lua with what it has made: one JSON argument.
import { accessible, check, end, isolated, it, launch, screenshots, visit } from './browser.mjs';

const world = JSON.parse(process.argv[2]);
const browser = await launch();

const signedIn = async () => {
  const one = await visit(browser);
  const [name, value] = world.admin.cookie.split('=');
  await one.context.addCookies([{ name, value, url: world.issuer, httpOnly: true, sameSite: 'Lax' }]);
  return one;
};

await it('what others wrote keeps its direction to itself', async () => {
  const { page, done } = await signedIn();
  const others = [world.loud.name, world.loud.owner, 'Security notice', world.user.username, world.other];
  for (const [path, shows] of Object.entries({ '/admin/users': world.loud.owner, '/admin/apps': world.loud.name,
    [`/admin/users/${world.loud.owner_id}`]: world.loud.name, [`/admin/users/${world.admin.user_id}`]: world.loud.name,
    [`/admin/apps/${world.loud.app_id}`]: 'Security notice', '/admin/audit': world.other })) {
    await page.goto(world.issuer + path);
    check((await page.textContent('main')).includes(shows), `${path} lacks ${shows}`);
    await isolated(page, others);
  }
  await done();
});

const pages = {
  admin: '/admin',
  admin_day: '/admin?span=day',
  admin_numbers: '/admin?view=numbers',
  admin_users: '/admin/users',
  admin_user: `/admin/users/${world.admin.user_id}`,
  admin_apps: '/admin/apps',
  admin_app: `/admin/apps/${world.app.app_id}`,
  admin_audit: '/admin/audit',
};
for (const [name, path] of Object.entries(pages)) {
  await it(`the page ${name}: accessible, small, and as wide as the screen`, async () => {
    const { page, done } = await signedIn();
    const requests = [];
    page.on('request', (request) => requests.push(new URL(request.url()).pathname));
    await page.goto(world.issuer + path);
    check(requests.length === 2 && requests[1].endsWith('.css'), `first paint needs ${requests}`);
    await accessible(page);
    await screenshots(page, name, world.screenshots);
    const bytes = await page.evaluate(() => [...performance.getEntriesByType('navigation'),
      ...performance.getEntriesByType('resource').filter((one) => one.name.includes('.css'))]
      .reduce((sum, one) => sum + one.decodedBodySize, 0));
    check(bytes > 0 && bytes < 30 * 1024, `${bytes} bytes`);
    console.log(`# ${name}: ${bytes} bytes`);
    await done();
  });
}

await it('what an app says of itself runs no script', async () => {
  const { page, done } = await signedIn();
  for (const path of ['/admin/apps', `/admin/apps/${world.hostile.app_id}`]) {
    await page.goto(world.issuer + path);
    check(!(await page.locator('main img, main script').count()), `${path} has an element of the app's`);
  }
  await done();
});

await it('from a user to what they did, and out of every browser', async () => {
  const { page, done } = await signedIn();
  await page.goto(`${world.issuer}/admin`);
  await page.getByRole('link', { name: 'Users', exact: true }).click();
  await page.getByLabel('Begin of a name').fill(world.other);
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: world.other, exact: true }).click();
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  check(await page.getByRole('button', { name: 'Sign out everywhere' }).isDisabled(), 'still signed in');
  await page.getByRole('link', { name: 'All events' }).click();
  check((await page.textContent('table')).includes(world.other), 'no events');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'CSV' }).click();
  check((await download).suggestedFilename().endsWith('.csv'), 'no file');
  await done();
});

await it('who is not signed in signs in, and is where they wanted to be', async () => {
  const { page, done } = await visit(browser);
  const wanted = `${world.issuer}/admin/audit?kind=sign_in&from=2026-01-01T00%3A00`;
  await page.goto(wanted);
  await page.getByLabel('Your fingerprint').fill(world.fingerprint);
  await page.keyboard.press('Enter');
  await page.waitForURL(wanted);
  check(await page.getByLabel('From (UTC)').inputValue() === '2026-01-01T00:00', 'the filter is lost');
  await done();
});

await browser.close();
end();
