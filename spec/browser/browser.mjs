// What the browser specs share: Debian's Chromium by playwright-core, a page that complains about anything wrong, a wallet.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { Keyring } from '@polkadot/keyring';
import { stringToU8a, u8aToHex, u8aWrapBytes } from '@polkadot/util';
import { cryptoWaitReady } from '@polkadot/util-crypto';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

let passed = 0;
let failed = 0;
export async function it(name, run) {
  try {
    await run();
    passed += 1;
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok ${name}: ${error.stack}`);
  }
}

export function check(is, what) {
  if (!is) throw new Error(what);
}

export function end() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}

export async function launch() {
  await cryptoWaitReady();
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
}

// A person with a browser of their own. `expected`: statuses, or words, that the console may tell of.
export async function visit(browser, options = {}, expected = []) {
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  context.setDefaultTimeout(8000);
  const complaints = [];
  context.on('page', (page) => {
    page.on('console', (message) => {
      const isExpected = expected.some((one) =>
        message.text().includes(typeof one === 'number' ? `status of ${one}` : one));
      if (message.type() === 'error' && !isExpected) complaints.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => complaints.push(`script: ${error.message}`));
    page.on('dialog', (dialog) => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  });
  const page = await context.newPage();
  return {
    context,
    page,
    async done() {
      await context.close();
      check(complaints.length === 0, complaints.join('; '));
    },
  };
}

// No violation of WCAG 2.2 AA or of axe's best practices, in either colour scheme.
export async function accessible(page) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const found = await page.evaluate(`(() => { const module = { exports: {} }; ${axe}; return module.exports.run
      ? module.exports.run(document) : window.axe.run(document); })()`);
    const words = found.violations.map((one) => `${one.id} (${one.nodes.map((node) => node.html).join(', ')})`);
    check(found.passes.length > 5, 'axe looked at nothing');
    check(words.length === 0, `${colorScheme}: ${words.join('; ')}`);
  }
}

// What others wrote stands in elements of its own direction, and does not turn what stands behind it, even with an
// override that is never closed (names of older releases may have one).
export async function isolated(page, texts) {
  const loose = await page.evaluate((all) => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { data, parentElement } = walker.currentNode;
      if (all.some((text) => data.includes(text)) && !parentElement.closest('bdi, [dir=auto], textarea, pre'))
        found.push(parentElement.outerHTML);
    }
    return found;
  }, texts);
  check(loose.length === 0, `not isolated: ${loose}`);
  const turned = await page.evaluate(() => {
    const left = (node, at) => {
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      return range.getBoundingClientRect();
    };
    const found = [];
    for (const one of document.querySelectorAll('main bdi, main [dir=auto]:not(input, textarea)')) {
      const behind = one.nextSibling;
      const at = behind?.data?.search(/[a-z]{3}/i) ?? -1;
      if (at < 0 || !one.textContent) continue;
      const before = one.textContent;
      one.textContent = '\u202eabc';
      const [first, last] = [left(behind, at), left(behind, at + 2)];
      if (first.top === last.top && first.left > last.left) found.push(one.parentElement.outerHTML);
      one.textContent = before;
    }
    return found;
  });
  check(turned.length === 0, `turned around: ${turned}`);
}

// To be looked at: build/screenshots/NAME-{phone,desktop}-{light,dark}.png
export async function screenshots(page, name, directory) {
  mkdirSync(directory, { recursive: true });
  for (const [size, viewport] of [['phone', PHONE], ['desktop', DESKTOP]]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
      check(!wide, `${name} is wider than a ${size}`);
      await page.screenshot({ path: `${directory}/${name}-${size}-${colorScheme}.png`, fullPage: true });
    }
  }
}

const keyring = new Keyring({ ss58Format: 42, type: 'sr25519' });

// As extensions do: the message wrapped, raw when `isRaw`.
export function sign(seed, message, isRaw = false) {
  const text = stringToU8a(message);
  return u8aToHex(keyring.createFromUri(seed).sign(isRaw ? text : u8aWrapBytes(text)));
}

// A wallet extension in window.injectedWeb3 that signs with the real library.
export async function install(context, seed) {
  await context.exposeFunction('walletSigns', (hex) =>
    sign(seed, Buffer.from(hex.slice(2), 'hex').toString('utf8')));
  await context.addInitScript((address) => {
    window.injectedWeb3 = {
      'polkadot-js': {
        version: '0.1',
        enable: async () => ({
          accounts: { get: async () => [{ address, type: 'sr25519', name: 'Mine' }] },
          signer: { signRaw: async ({ data }) => ({ id: 1, signature: await window.walletSigns(data) }) },
        }),
      },
    };
  }, keyring.createFromUri(seed).address);
}
