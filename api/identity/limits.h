/* SPDX-License-Identifier: MIT
 *
 * Every bound of tokens and of those who issue them, with its unit in the name and its reason beside it. */
#ifndef API_IDENTITY_LIMITS_H
#define API_IDENTITY_LIMITS_H

#define JWT_BYTES_MAX                                                                                        \
    20000u /* what STS takes for a WebIdentityToken; those of GitHub and GitLab have about 2,000 */
#define JWT_SIGNATURE_BYTES 1024u /* RSA of 8192 bits */
#define JWT_KID_BYTES_MAX   256u
#define JWT_CLOCK_SKEW_S    60  /* between the issuer's clock and ours */
#define JWT_AUDIENCES_MAX   64u /* looked at in one token */

#define JWT_KNOWN_MAX 1024u /* of one worker: 40 KiB, once there is one */

#define JWK_SET_BYTES_MAX                                                                                    \
    (256u << 10)              /* Google's has 2 keys in 1 KiB, GitHub's 4 with certificates in 13 KiB */
#define JWK_KEYS_MAX     64u  /* of one issuer; a token without a key id is tried with each that fits */
#define JWK_RSA_BITS_MIN 2048 /* RFC 7518 3.3 */
#define JWK_RSA_BITS_MAX 8192 /* a longer one would take milliseconds of a worker */

#define ROLE_CLAIM_BYTES_MAX 127u /* of a name */
#define ROLE_VALUE_BYTES_MAX 256u /* of a claim that becomes a piece of a scope */

#define FETCH_SECONDS_MAX 10u /* of one fetch */
#define KEY_SOURCE_READ_SECONDS                                                                              \
    900u /* between two readings of a URL: issuers publish new keys hours before they use them */
#define KEY_SOURCE_LOOK_SECONDS  5u  /* between two looks whether a file has changed */
#define KEY_SOURCE_RETRY_SECONDS 15u /* after a failure */
#define KEY_SOURCE_ASKED_SECONDS                                                                             \
    60u /* between two readings that tokens with unknown keys cause, whoever sends them */
#define KEY_SOURCES_MAX 64u

#endif
