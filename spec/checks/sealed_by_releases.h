/* What version 0.1.0 (7213082) sealed with the secret 01 01 … 01, made by its own functions with lifetimes of a hundred
 * years; the nonces end at 1796000300. Add what later releases seal, and keep these. */
#ifndef SPEC_CHECKS_SEALED_BY_RELEASES_H
#define SPEC_CHECKS_SEALED_BY_RELEASES_H

static const char sealed_consent[] =
    "4aV9XxB-aFktIM_lYEex5TWCzP-6vTmG55ri3aAvHtt43S83W3sGQHUi5vZ0BYWcALmxQPGBBmkjJmrWxTkJ7GwlxQjI4_mo-Wpq"
    "n6Uib-JVl25oLX_0JtsLSzvKcLq2D5jrydUYk_5Houx8EAdryaQCtRE5ZvP65yTYrNzUy5F5B1kmao8tfHtHbvaY0MnBhO2hgHLJ"
    "VDJ8kMnYkuafMCundzn5MIJE9E4K-uu11hTlWAsArO16l9-755TCF5opYIn2mVLcLbvaQbH3SJuNcvXn0tDFkr-5TBZtqA5lSUrb"
    "BvF_XaJYyR0_0zX7vXPY0onWg2Yz9F_TOM2Plt7bBg1GvhEk-0Wn_xc1h1480lJA_okoPffkxDbclCzjCqQ094LLLGej3o_LTspg"
    "_ypEKDDA44FE7VqOkCROdxzW4s9XtfPZhRXKjqfRwwUZbJ_713F0UTjRbk7kEie1dpBkozYIOK7pwT66cJmO9Rj-1hfVqXsa1ppu"
    "OBGp8GUh9dM9wiFnmXKW4RVKI7CgNl871ICDBDPMvB1i5xaHfj2-1Y5bpowXgeaoW8Xz7Xtt4JQyOI_dirbz5TkO6c-GnugxHvj-"
    "95_dui5lDutNjX5hGvuG7h7jdtY23eOOqgxzyuTQjI5vffQ4dWXT";

static const char sealed_consent_of_device[] =
    "WK6FwzoZgVG31_XcjT3sjUPed-beS4N3Ct6rzVUp5vqbBxmWemm6Hf5U7-VAydFAHLg3pgvg_QkRKKxU0o1E0nb__9d7vLdZK432"
    "yVCNsysP3AKDmQVfet229zpr7Ul2WsCD4jio9Bgn8G4CE9zJ8KkmWUfbcGEPxmZwFJsnGZv9YK1_3hdmWUSd7rTwcxHsJJnZtVRW"
    "TY9g3rOg2jI_VUDQTS39NPV4iy5on-NYdrCk1boubvHII9Ye0ZImXac1Yxhs6Lji0cq8mjM7X-68y86FiLFQRcTL5m6Y3sm1wFbL"
    "RATN5OCTDXsEwenyMBnkUG9V-xhlolEXDN3Wh1_d8KXdw9k";

static const char sealed_request_uri[] =
    "urn:ietf:params:oauth:request_uri:EC_ZB0Z_U8BEhBiVFVbfPPw6UyN4SHljw5iL35mxHyQahnpF16fYwBpdp7TrU8gqpk"
    "hc-DH-6BY7f2Hf5oP7euvpyeak5w9bdRSwQr_Xp32EzXk3TkmQmdKvfPFDLvjMoR7YmcbNQW63Ns6LDhPzQQvIDVuZLn6LOvScYW"
    "1bJEJb6BLiNxHXo9pJwH2QKvLMumY6MGNIB7OJvWulX1PH4ZJPLNdw5ACUeLl9zeFctLwVGUYFjWns5WJP-PHXLwl89N57y1fTXe"
    "sGnvEGXwWXp7m-i2CxaeHOq12Rj_LOEfblKczcF4zeOqHIJCqJsRA6gBt4NRPzEbV9rBQBHz0Ae3AnAEzsJrIWOuFa99c9lQZh6c"
    "gW1PHhW6Oi_JuG4Zl_D8virlykUWysHcQnxWAS54nCTtxUCTP_wolgQaKGG5AaqO_IHq6YPcX1Y6wkn2f_ef8InCX-oP_LLTAhFe"
    "4cOFGFmZH0x3dewCQdh9T7acgMuX3gP-o6TnUfuayhNHI95KqfShJNSEdLM0U";

static const char sealed_factor[] =
    "YY2JiUQe8irEWK5HT-kXrASHqGrQAe-UZHbdpDmsQsSW51KAxHxJjMNMG74MUQ6-YUo3Ug633N3776KVWBCmSMxfGVScBNrthC__"
    "CMzSssCx9XcLPm1b7nmgmdufW8g8FRRc__Y3yetkPTK7xYAnLKD7z9ZjAvbcj0BMTbxdI3xc9Zg0-OLvwixkKa95wEcN5OjvV3tP"
    "WPOGY7AopDbrm9nZUuIugrQHSJrHeSWOPZ48k4I6GNWwUV2LyzmeDrZ3DGogdHg";

static const char sealed_code[] =
    "PIoB1mSz5XXSHkv26rAchmgSFZHfq9YOGFrjI4CxC6ib3ROeEfwEmvoZlOkAe-cQ6_1H-vVMTvXOvEJDrnwcTsUC0kNIF1Jr9AnT"
    "P43UDE57XvdHrGIh_ybxDey0QVVQLhT5KaFMBBz-CMdaV7s";

static const char sealed_device_code[] =
    "AFchkt--h1gbdE5T19q3eBXA5Satc7FjCPEdgfBv8m7ZcMPoZkSE35VE9N-28aOTYS8qjJlmrRhhBEvG11RutLqSeM8sUGBSq03e"
    "0s09noKgN7cnfXf8DJpfX4uDKRB1OcQhT2PQl9sBg5y369I";

static const char sealed_nonce[] = "0feb3c1c-8865-4b3e-81c1-54f46a751498";

static const char sealed_dpop_nonce[] = "38c194eb-c37b-44b9-b790-e8237aced400";

static const char sealed_signing_key[] = "xayE-NLULKYOBvWaM6fbEsERTLONmHm85xqelhILOoxTMUTI8j9C6jDhghaRuMo";

#endif
