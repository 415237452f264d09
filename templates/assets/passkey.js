// Passkeys (WebAuthn): a form with data-passkey is filled in with what the authenticator says, and then sent.
(() => {
  'use strict';

  const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  const decode = (text) =>
    Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
  const bytes = (text) => new TextEncoder().encode(text);
  const idsOf = (asked) => asked.ids.split(' ').filter(Boolean);

  // Why the browser gave none, in the page's language (data-…), by the name of its error.
  const REASONS = { NotAllowedError: 'cancelled', AbortError: 'cancelled', InvalidStateError: 'known',
    SecurityError: 'address', NotSupportedError: 'unable', ConstraintError: 'unable' };

  // The page's own challenge while it is young. An authenticator must not make what would come too late.
  const challengeOf = async (asked) => {
    const age = (Date.now() - performance.timeOrigin) / 1000;
    if (age < asked.seconds / 2) return { challenge: asked.challenge, seconds: asked.seconds - age };
    const answer = await fetch(`/idp/passkey/challenge?use=${asked.use}`, { cache: 'no-store' });
    if (!answer.ok) throw new Error(answer.statusText);
    return { challenge: (await answer.json()).challenge, seconds: asked.seconds };
  };

  const create = (asked, common, ids) => navigator.credentials.create({
    publicKey: {
      ...common,
      rp: { id: asked.rp, name: asked.name },
      user: { id: bytes(asked.user), name: asked.username, displayName: asked.username },
      pubKeyCredParams: [-7, -8, -35, -257].map((alg) => ({ type: 'public-key', alg })),
      authenticatorSelection: { residentKey: asked.residence, requireResidentKey: asked.residence === 'required',
        userVerification: asked.verification },
      excludeCredentials: ids,
      attestation: 'none',
    },
  });
  const get = (asked, common, ids) => navigator.credentials.get({
    publicKey: { ...common, rpId: asked.rp, allowCredentials: ids, userVerification: asked.verification },
  });

  const fill = async (form) => {
    const asked = form.dataset;
    const ids = idsOf(asked).map((id) => ({ type: 'public-key', id: decode(id) }));
    const { challenge, seconds } = await challengeOf(asked);
    const common = { challenge: bytes(challenge), timeout: Math.floor(seconds * 1000) };
    const { id, response } = await (asked.passkey === 'create' ? create : get)(asked, common, ids);
    const fields = form.elements;
    fields.credential_id.value = id;
    fields.client_data.value = encode(response.clientDataJSON);
    if (asked.passkey === 'create') {
      fields.attestation_object.value = encode(response.attestationObject);
    } else {
      fields.authenticator_data.value = encode(response.authenticatorData);
      fields.signature.value = encode(response.signature);
    }
  };

  // What the server does not know the authenticator need not offer (WebAuthn Level 3 §5.1.10). Where a browser cannot
  // pass that on, or does not want to, nothing is lost.
  const signal = ({ rp, user, ids, unknown }) => {
    const tell = (name, what) => Promise.resolve(PublicKeyCredential[name]?.({ rpId: rp, ...what })).catch(() => {});
    if (unknown) tell('signalUnknownCredential', { credentialId: unknown });
    if (user) {
      tell('signalAllAcceptedCredentials', { userId: encode(bytes(user)), allAcceptedCredentialIds: idsOf({ ids }) });
    }
  };

  const isAddress = (host) => host.startsWith('[') || /^[\d.]+$/.test(host); // has no passkeys, §5.1.2

  for (const form of document.querySelectorAll('form[data-passkey]')) {
    const button = form.querySelector('button');
    const status = form.querySelector('[role=status]');
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (!window.PublicKeyCredential) {
        status.textContent = form.dataset.none;
        return;
      }
      button.disabled = true;
      try {
        await fill(form);
        form.submit();
      } catch (error) {
        // What a person cancels is an answer, not a fault: they may try again.
        button.disabled = false;
        status.textContent = `${form.dataset.failed} ${form.dataset[REASONS[error.name]] || error.message}`;
      }
    });
    if (window.PublicKeyCredential && !isAddress(form.dataset.rp)) form.hidden = false;
  }
  for (const asked of document.querySelectorAll('[data-rp]')) if (window.PublicKeyCredential) signal(asked.dataset);
})();
