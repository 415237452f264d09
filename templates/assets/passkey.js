// Passkeys (WebAuthn): a form with data-passkey is filled in with what the authenticator says, and then sent.
(() => {
  'use strict';

  const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  const decode = (text) =>
    Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
  const bytes = (text) => new TextEncoder().encode(text);

  const create = (asked, ids) => navigator.credentials.create({
    publicKey: {
      challenge: bytes(asked.challenge),
      rp: { id: asked.rp, name: asked.name },
      user: { id: bytes(asked.user), name: asked.username, displayName: asked.username },
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: 'public-key', alg })),
      authenticatorSelection: { residentKey: 'preferred', userVerification: asked.verification },
      excludeCredentials: ids,
      attestation: 'none',
    },
  });
  const get = (asked, ids) => navigator.credentials.get({
    publicKey: {
      challenge: bytes(asked.challenge),
      rpId: asked.rp,
      allowCredentials: ids,
      userVerification: asked.verification,
    },
  });

  const fill = async (form) => {
    const asked = form.dataset;
    const ids = asked.ids.split(' ').filter(Boolean).map((id) => ({ type: 'public-key', id: decode(id) }));
    const { id, response } = await (asked.passkey === 'create' ? create : get)(asked, ids);
    const fields = form.elements;
    fields.credential_id.value = id;
    fields.client_data.value = encode(response.clientDataJSON);
    if (asked.passkey === 'create') {
      fields.authenticator_data.value = encode(response.getAuthenticatorData());
      fields.public_key.value = encode(response.getPublicKey() || new ArrayBuffer(0));
    } else {
      fields.authenticator_data.value = encode(response.authenticatorData);
      fields.signature.value = encode(response.signature);
    }
  };

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
        status.textContent = `${form.dataset.failed} ${error.message}`;
      }
    });
    if (window.PublicKeyCredential) form.hidden = false;
  }
})();
