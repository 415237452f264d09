"""Authlib (Debian's python3-authlib) as a relying party: the steps that clients/examples.lua tells it to take.

Its Flask and Django clients are made of these classes. `rp` names one of several that live here.
"""
import json
import os
import sys

import requests
from authlib.common.urls import url_decode, urlparse
from authlib.integrations.base_client import OAuthError
from authlib.integrations.base_client.sync_app import BaseApp, OAuth2Mixin
from authlib.integrations.base_client.sync_openid import OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey
from authlib.oauth2.rfc7523 import PrivateKeyJWT

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # http, on this machine

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


class Framework:
    def update_token(self, token, refresh_token=None, access_token=None):
        pass


class Party(OAuth2Mixin, OpenIDMixin, BaseApp):
    client_cls = OAuth2Session


parties, keys, asked = {}, {}, {}
sent = None  # the last request, for who overheard it


def overhear(send=requests.Session.send):
    def remember(session, request, **options):
        global sent
        sent = request
        return send(session, request, **options)

    requests.Session.send = remember
    return send


send = overhear()


def key(rp, alg):
    kinds = {"RS256": ("RSA", 2048), "PS256": ("RSA", 2048), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
    keys[rp] = alg, JsonWebKey.generate_key(*kinds[alg], is_private=True)
    return {"jwk": {**keys[rp][1].as_dict(is_private=False), "alg": alg, "use": "sig"}}


def discover(rp, issuer, client_id, client_secret=None, method=None, algorithm="oidc", **_):
    document = {"oidc": "openid-configuration", "oauth2": "oauth-authorization-server"}[algorithm]
    kwargs = {"token_endpoint_auth_method": method or "client_secret_basic", "code_challenge_method": "S256"}
    methods = None
    if method == "private_key_jwt":
        alg, client_secret = keys[rp]
        methods = [PrivateKeyJWT(alg=alg)]
    parties[rp] = Party(
        Framework(), rp, client_id=client_id, client_secret=client_secret, client_kwargs=kwargs,
        server_metadata_url=f"{issuer}/.well-known/{document}", client_auth_methods=methods)
    return {"metadata": {"issuer": parties[rp].load_server_metadata()["issuer"]}}


def begin(rp, redirect_uri, params=None):
    made = parties[rp].create_authorization_url(redirect_uri, **{"scope": "openid profile", **(params or {})})
    asked[rp] = {"redirect_uri": redirect_uri, **made}
    return {name: made[name] for name in ("url", "state", "nonce")}


def tokens(rp, token, nonce=None):
    claims = parties[rp].parse_id_token(token, nonce) if "id_token" in token else None
    return {"tokens": token, "claims": claims}


def finish(rp, url, verifier=None, form=None):
    known = asked[rp]
    said = dict(url_decode(urlparse.urlparse(url).query))
    if "error" in said:  # as its authorize_access_token() of Flask does
        raise OAuthError(error=said["error"], description=said.get("error_description"))
    token = parties[rp].fetch_access_token(
        known["redirect_uri"], authorization_response=url, state=known["state"],
        code_verifier=verifier or known["code_verifier"])
    return tokens(rp, token, known["nonce"])


def session(rp):
    return parties[rp]._get_oauth_client(**parties[rp].load_server_metadata())


def refresh(rp, refresh_token, params=None):
    url = parties[rp].load_server_metadata()["token_endpoint"]
    return tokens(rp, session(rp).refresh_token(url, refresh_token, **(params or {})))


def userinfo(rp, access_token, sub=None):
    answer = parties[rp].get(
        parties[rp].load_server_metadata()["userinfo_endpoint"],
        token={"access_token": access_token, "token_type": "Bearer"})
    if answer.status_code == 401:
        return {"error": answer.json()["error"]}
    return {"userinfo": answer.json()}


def introspect(rp, token):
    url = parties[rp].load_server_metadata()["introspection_endpoint"]
    return {"known": session(rp).introspect_token(url, token).json()}


def revoke(rp, token):
    url = parties[rp].load_server_metadata()["revocation_endpoint"]
    session(rp).revoke_token(url, token).raise_for_status()


def grant(rp, grant_type, params):
    url = parties[rp].load_server_metadata()["token_endpoint"]
    return {"tokens": session(rp).fetch_token(url, grant_type=grant_type, **(params or {}))}


def client_credentials(rp, params=None):
    return grant(rp, "client_credentials", params)


def exchange(rp, params):
    return grant(rp, EXCHANGE, params)


def again():
    answer = send(requests.Session(), sent)
    return {"status": answer.status_code, "body": answer.text, "challenge": answer.headers.get("www-authenticate", "")}


for line in sys.stdin:
    fields = json.loads(line)
    try:
        reply = globals()[fields.pop("do")](**fields) or {}
    except Exception as error:  # whatever the library throws is its answer
        reply = {"error": getattr(error, "error", None) or type(error).__name__, "message": str(error)}
    print(json.dumps(reply), flush=True)
