// openid-client (npm) as a relying party: the steps that clients/examples.lua tells it to take. `rp` names one of several
// that live here.
import * as oidc from 'openid-client';
import { exportJWK, generateKeyPair } from 'jose';
import { overheard, serve } from './steps.mjs';

const parties = new Map();
const wire = overheard();

const authentication = ({ method, client_secret }, { key } = {}) =>
  ({
    client_secret_basic: () => oidc.ClientSecretBasic(client_secret),
    client_secret_post: () => oidc.ClientSecretPost(client_secret),
    private_key_jwt: () => oidc.PrivateKeyJwt(key),
    none: () => oidc.None(),
  })[method ?? 'client_secret_basic']();

// Signatures of id_tokens are always looked at here, not TLS alone.
const options = (issuer, algorithm) => ({
  algorithm,
  execute: [oidc.enableNonRepudiationChecks, ...(issuer.startsWith('http:') ? [oidc.allowInsecureRequests] : [])],
  [oidc.customFetch]: wire.fetch,
});

const tokens = (answer) => ({ tokens: answer, claims: answer.claims?.() });

async function bind(party, dpop) {
  if (dpop) party.options = { DPoP: oidc.getDPoPHandle(party.config, await oidc.randomDPoPKeyPair(dpop)) };
}

await serve({
  async key({ rp, alg }) {
    const pair = await generateKeyPair(alg, { extractable: true });
    parties.set(rp, { key: pair.privateKey });
    return { jwk: { ...(await exportJWK(pair.publicKey)), alg, use: 'sig', kid: rp } };
  },

  async discover({ rp, issuer, client_id, metadata, dpop, algorithm, ...more }) {
    const party = parties.get(rp) ?? {};
    const auth = authentication(more, party);
    party.config = await oidc.discovery(new URL(issuer), client_id, metadata, auth, options(issuer, algorithm));
    await bind(party, dpop);
    parties.set(rp, party);
    return { metadata: party.config.serverMetadata() };
  },

  async register({ rp, issuer, metadata, initial_access_token }) {
    const party = parties.get(rp) ?? {};
    party.config = await oidc.dynamicClientRegistration(new URL(issuer), metadata, undefined, {
      ...options(issuer),
      initialAccessToken: initial_access_token,
    });
    parties.set(rp, party);
    return { metadata: party.config.clientMetadata() };
  },

  async begin({ rp, par, redirect_uri, params }) {
    const party = parties.get(rp);
    party.asked = {
      pkceCodeVerifier: oidc.randomPKCECodeVerifier(),
      expectedState: oidc.randomState(),
      expectedNonce: oidc.randomNonce(),
      idTokenExpected: true,
    };
    const { pkceCodeVerifier, expectedState: state, expectedNonce: nonce } = party.asked;
    const request = {
      redirect_uri,
      scope: 'openid profile',
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state,
      nonce,
      ...params,
    };
    const build = par ? oidc.buildAuthorizationUrlWithPAR : oidc.buildAuthorizationUrl;
    return { url: (await build(party.config, request, party.options)).href, state, nonce };
  },

  // `form`: what a form_post has sent to the callback.
  async finish({ rp, url, form, verifier, max_age, params }) {
    const party = parties.get(rp);
    const current = form ? new Request(url, { method: 'POST', body: new URLSearchParams(form) }) : new URL(url);
    const checks = { ...party.asked, maxAge: max_age, ...(verifier && { pkceCodeVerifier: verifier }) };
    return tokens(await oidc.authorizationCodeGrant(party.config, current, checks, params, party.options));
  },

  async refresh({ rp, refresh_token, params }) {
    const party = parties.get(rp);
    return tokens(await oidc.refreshTokenGrant(party.config, refresh_token, params, party.options));
  },

  async userinfo({ rp, access_token, sub }) {
    const party = parties.get(rp);
    return { userinfo: await oidc.fetchUserInfo(party.config, access_token, sub, party.options) };
  },

  introspect: async ({ rp, token }) => ({ known: await oidc.tokenIntrospection(parties.get(rp).config, token) }),
  revoke: ({ rp, token }) => oidc.tokenRevocation(parties.get(rp).config, token),
  logout: ({ rp, params }) => ({ url: oidc.buildEndSessionUrl(parties.get(rp).config, params).href }),

  async client_credentials({ rp, params }) {
    const party = parties.get(rp);
    return tokens(await oidc.clientCredentialsGrant(party.config, params, party.options));
  },

  async exchange({ rp, params }) {
    const party = parties.get(rp);
    const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
    return tokens(await oidc.genericGrantRequest(party.config, grant, params, party.options));
  },

  async device_begin({ rp, params }) {
    const party = parties.get(rp);
    return { device: (party.device = await oidc.initiateDeviceAuthorization(party.config, params)) };
  },

  // Polls until a person has decided; the first time sooner than it was told to, for the spec's sake.
  async device_finish({ rp }) {
    const party = parties.get(rp);
    const device = { ...party.device, interval: 1 };
    return tokens(await oidc.pollDeviceAuthorizationGrant(party.config, device, undefined, party.options));
  },

  again: wire.again,
});
