// oauth4webapi (npm) as a relying party and as a resource server: the steps that clients/examples.lua tells it to take.
// `rp` names one of several that live here. It leaves more to its caller than openid-client does: the retry with the
// server's DPoP nonce, checks of issuer, state and signature are calls of their own.
import * as oauth from 'oauth4webapi';
import { exportJWK, generateKeyPair } from 'jose';
import { overheard, serve } from './steps.mjs';

const parties = new Map();
const wire = overheard();
const http = { [oauth.customFetch]: wire.fetch };

const authentication = ({ method, client_secret }, { key, kid } = {}) =>
  ({
    client_secret_basic: () => oauth.ClientSecretBasic(client_secret),
    client_secret_post: () => oauth.ClientSecretPost(client_secret),
    private_key_jwt: () => oauth.PrivateKeyJwt({ key, kid }),
    none: () => oauth.None(),
  })[method ?? 'client_secret_basic']();

async function discover(issuer, algorithm = 'oidc') {
  http[oauth.allowInsecureRequests] = issuer.startsWith('http:');
  const response = await oauth.discoveryRequest(new URL(issuer), { ...http, algorithm });
  return oauth.processDiscoveryResponse(new URL(issuer), response);
}

// Asks, and once more when the server wants its nonce in the proof.
async function ask(party, send, process) {
  const options = { ...http, DPoP: party.dpop };
  try {
    const response = await send(options);
    return [await process(response), response];
  } catch (error) {
    if (!party.dpop || !oauth.isDPoPNonceError(error)) throw error;
    const response = await send(options);
    return [await process(response), response];
  }
}

async function tokens(party, send, process) {
  const [answer, response] = await ask(party, send, process);
  if (answer.id_token) await oauth.validateApplicationLevelSignature(party.as, response, http);
  return { tokens: answer, claims: oauth.getValidatedIdTokenClaims(answer) };
}

const generic = (party, grant, params) =>
  tokens(
    party,
    (options) => oauth.genericTokenEndpointRequest(party.as, party.client, party.auth, grant, params, options),
    (response) =>
      oauth.processGenericTokenEndpointResponse(party.as, party.client, response, { recognizedTokenTypes: { n_a() {} } }),
  );

await serve({
  async key({ rp, alg }) {
    const pair = await generateKeyPair(alg, { extractable: true });
    parties.set(rp, { key: pair.privateKey, kid: rp });
    return { jwk: { ...(await exportJWK(pair.publicKey)), alg, use: 'sig', kid: rp } };
  },

  async discover({ rp, issuer, client_id, metadata, dpop, algorithm, ...more }) {
    const party = parties.get(rp) ?? {};
    party.as = await discover(issuer, algorithm);
    party.client = { client_id, ...metadata };
    party.auth = authentication(more, party);
    if (dpop) party.dpop = oauth.DPoP(party.client, await oauth.generateKeyPair(dpop));
    parties.set(rp, party);
    return { metadata: party.as };
  },

  async register({ rp, issuer, metadata, initial_access_token }) {
    const party = parties.get(rp) ?? {};
    party.as = await discover(issuer);
    party.client = await oauth.processDynamicClientRegistrationResponse(
      await oauth.dynamicClientRegistrationRequest(party.as, metadata, {
        ...http,
        initialAccessToken: initial_access_token,
      }),
    );
    const { token_endpoint_auth_method: method, client_secret } = party.client;
    party.auth = authentication({ method, client_secret }, party);
    parties.set(rp, party);
    return { metadata: party.client };
  },

  async begin({ rp, par, redirect_uri, params }) {
    const party = parties.get(rp);
    party.redirect_uri = redirect_uri;
    party.verifier = oauth.generateRandomCodeVerifier();
    party.state = oauth.generateRandomState();
    party.nonce = oauth.generateRandomNonce();
    const request = new URLSearchParams({
      response_type: 'code',
      client_id: party.client.client_id,
      redirect_uri,
      scope: 'openid profile',
      code_challenge: await oauth.calculatePKCECodeChallenge(party.verifier),
      code_challenge_method: 'S256',
      state: party.state,
      nonce: party.nonce,
      ...params,
    });
    const url = new URL(party.as.authorization_endpoint);
    if (par) {
      const [pushed] = await ask(
        party,
        (options) => oauth.pushedAuthorizationRequest(party.as, party.client, party.auth, request, options),
        (response) => oauth.processPushedAuthorizationResponse(party.as, party.client, response),
      );
      url.search = new URLSearchParams({ client_id: party.client.client_id, request_uri: pushed.request_uri });
    } else {
      url.search = request;
    }
    return { url: url.href, state: party.state, nonce: party.nonce };
  },

  async finish({ rp, url, form, verifier, max_age, params }) {
    const party = parties.get(rp);
    const { as, client, auth, redirect_uri, state, nonce } = party;
    const parameters = form
      ? new URLSearchParams(
          await oauth.formPostResponse(new Request(url, { method: 'POST', body: new URLSearchParams(form) })),
        )
      : new URL(url);
    const answer = oauth.validateAuthResponse(as, client, parameters, state);
    return tokens(
      party,
      (options) =>
        oauth.authorizationCodeGrantRequest(as, client, auth, answer, redirect_uri, verifier ?? party.verifier, {
          ...options,
          additionalParameters: params,
        }),
      (response) =>
        oauth.processAuthorizationCodeResponse(as, client, response, {
          expectedNonce: nonce,
          maxAge: max_age,
          requireIdToken: true,
        }),
    );
  },

  async refresh({ rp, refresh_token, params }) {
    const party = parties.get(rp);
    const { as, client, auth } = party;
    return tokens(
      party,
      (options) =>
        oauth.refreshTokenGrantRequest(as, client, auth, refresh_token, { ...options, additionalParameters: params }),
      (response) => oauth.processRefreshTokenResponse(as, client, response),
    );
  },

  async userinfo({ rp, access_token, sub }) {
    const party = parties.get(rp);
    const [userinfo] = await ask(
      party,
      (options) => oauth.userInfoRequest(party.as, party.client, access_token, options),
      (response) => oauth.processUserInfoResponse(party.as, party.client, sub, response),
    );
    return { userinfo };
  },

  async introspect({ rp, token }) {
    const { as, client, auth } = parties.get(rp);
    const response = await oauth.introspectionRequest(as, client, auth, token, http);
    return { known: await oauth.processIntrospectionResponse(as, client, response) };
  },

  async revoke({ rp, token }) {
    const { as, client, auth } = parties.get(rp);
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, token, http));
  },

  logout({ rp, params }) {
    const url = new URL(parties.get(rp).as.end_session_endpoint);
    url.search = new URLSearchParams(params);
    return { url: url.href };
  },

  async client_credentials({ rp, params }) {
    const party = parties.get(rp);
    const { as, client, auth } = party;
    return tokens(
      party,
      (options) => oauth.clientCredentialsGrantRequest(as, client, auth, params ?? {}, options),
      (response) => oauth.processClientCredentialsResponse(as, client, response),
    );
  },

  exchange: ({ rp, params }) => generic(parties.get(rp), 'urn:ietf:params:oauth:grant-type:token-exchange', params),

  async device_begin({ rp, params }) {
    const party = parties.get(rp);
    const { as, client, auth } = party;
    const response = await oauth.deviceAuthorizationRequest(as, client, auth, params ?? {}, http);
    return { device: (party.device = await oauth.processDeviceAuthorizationResponse(as, client, response)) };
  },

  // One poll.
  async device_finish({ rp }) {
    const party = parties.get(rp);
    const { as, client, auth, device } = party;
    return tokens(
      party,
      (options) => oauth.deviceCodeGrantRequest(as, client, auth, device.device_code, options),
      (response) => oauth.processDeviceCodeResponse(as, client, response),
    );
  },

  // A resource server that is asked with the token, and with a proof when the party's tokens are bound to a key: what it
  // makes of that.
  async resource({ rp, access_token, audience, url }) {
    const party = parties.get(rp);
    const headers = new Headers({ authorization: `${party.dpop ? 'DPoP' : 'Bearer'} ${access_token}` });
    if (party.dpop) await party.dpop.addProof(new URL(url), headers, 'GET', access_token);
    return { claims: await oauth.validateJwtAccessToken(party.as, new Request(url, { headers }), audience, http) };
  },

  again: wire.again,
});
