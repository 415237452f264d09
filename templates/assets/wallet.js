// Signs in with a wallet extension of the browser (polkadot{.js}, Talisman, SubWallet, Bittensor …):
// they all put themselves into window.injectedWeb3. The page works without this file, by hand.
(() => {
  'use strict';

  const find = (id) => document.getElementById(id);
  const wallet = find('wallet');
  const buttons = find('wallet-buttons');
  const pick = find('wallet-pick');
  const account = find('wallet-account');
  const hint = find('wallet-hint');
  const status = find('wallet-status');
  const form = find('wallet-form');
  const words = wallet.dataset; // in the language of the page
  const message = words.message;

  const NAMES = {
    'polkadot-js': 'Polkadot{.js}',
    'subwallet-js': 'SubWallet',
    'talisman': 'Talisman',
    'bittensor-wallet': 'Bittensor Wallet',
    'nova': 'Nova Wallet',
  };
  const LOOKS = [0, 100, 300, 1000, 2500]; // ms after load: extensions come when they like

  let extension = null;

  const say = (text) => { status.textContent = text; };

  const busy = (is) => {
    for (const button of wallet.querySelectorAll('button')) button.disabled = is;
  };

  const toHex = (text) =>
    '0x' + Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, '0')).join('');

  const signIn = async (address) => {
    say(words.confirm);
    const { signature } = await extension.signer.signRaw({ address, data: toHex(message), type: 'bytes' });
    form.elements.hotkey.value = address;
    form.elements.signature.value = signature;
    say(words.busy);
    form.submit();
  };

  // A refusal in the wallet is an answer, not a fault: say so and let the person try again.
  const guarded = async (work) => {
    busy(true);
    try {
      await work();
    } catch (error) {
      busy(false);
      say(`${words.failed} ${error && error.message ? error.message : words.noReason}.`);
    }
  };

  const isUsable = ({ address, type }) => (type || 'sr25519') === 'sr25519' && !address.startsWith('0x');

  const connect = async (name) => {
    say(words.ask);
    extension = await window.injectedWeb3[name].enable(words.name);
    const accounts = (await extension.accounts.get()).filter(isUsable);
    if (accounts.length === 0) throw new Error(words.noAccount);
    if (accounts.length === 1) return signIn(accounts[0].address);
    account.replaceChildren(...accounts.map(({ name: label, address }) => {
      const short = `${address.slice(0, 6)}…${address.slice(-6)}`;
      return new Option(label ? `${label} (${short})` : short, address);
    }));
    pick.hidden = false;
    busy(false);
    say('');
    account.focus();
  };

  const showWallets = () => {
    const names = Object.keys(window.injectedWeb3 || {});
    if (names.length === 0) return false;
    if (names.length === buttons.children.length) return true;
    buttons.replaceChildren(...names.map((name) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = `${words.with} ${NAMES[name] || name}`;
      button.addEventListener('click', () => guarded(() => connect(name)));
      return button;
    }));
    buttons.hidden = false;
    hint.hidden = true;
    return true;
  };

  const addCopyButtons = () => {
    if (!navigator.clipboard) return; // only where the page is served securely
    for (const line of wallet.querySelectorAll('.copy')) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = words.copy;
      button.addEventListener('click', async () => {
        await navigator.clipboard.writeText(line.querySelector('code').textContent);
        button.textContent = words.copied;
        setTimeout(() => { button.textContent = words.copy; }, 2000);
      });
      line.append(button);
    }
  };

  pick.addEventListener('submit', (event) => {
    event.preventDefault();
    guarded(() => signIn(account.value));
  });
  window.addEventListener('pageshow', (event) => { if (event.persisted) { busy(false); say(''); } });

  hint.textContent = words.none;
  addCopyButtons();
  for (const ms of LOOKS) setTimeout(showWallets, ms);
})();
