/* SPDX-License-Identifier: MIT
 *
 * See signature.h. */
#include "api/events/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/text/hex.h"

#define STAMP_BYTES 24u

bool events_sign(const char *secret, int64_t unix_s, const char *body, size_t length,
                 char line[EVENTS_SIGNATURE_BYTES])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    char hex[2 * 32 + 1] = "", *text = malloc(STAMP_BYTES + length);
    unsigned mac_length = 0;
    int stamp;

    if (text == NULL)
        return false;
    stamp = snprintf(text, STAMP_BYTES, "%lld.", (long long)unix_s);
    memcpy(text + stamp, body, length);
    const unsigned char *made = HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)text,
                                     (size_t)stamp + length, mac, &mac_length);
    free(text);
    if (made == NULL || mac_length != 32)
        return false;
    hex_encode(mac, mac_length, hex);
    hex[2 * 32] = '\0';
    (void)snprintf(line, EVENTS_SIGNATURE_BYTES, EVENTS_SIGNATURE_HEADER ": t=%lld,v1=%s", (long long)unix_s,
                   hex);
    return true;
}
