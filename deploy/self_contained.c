/* SPDX-License-Identifier: MIT
 *
 * In the self-contained program alone (SLUICE_STATIC), before main: whatever would load a library is turned off. One that fits is seldom there, and one
 * that does not fit crashes the process. */
#include <nss.h>
#include <openssl/crypto.h>
#include <stdlib.h>

/* Names of hosts are looked up in /etc/hosts and by DNS, and other names in their files, which glibc has in itself, whatever /etc/nsswitch.conf
 * says. OpenSSL reads no openssl.cnf, which could name providers and engines. */
__attribute__((constructor)) static void be_self_contained(void)
{
    static const char *const files[] = {"passwd", "group", "services"};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (__nss_configure_lookup(files[i], "files") != 0)
            abort();
    if (__nss_configure_lookup("hosts", "files dns") != 0 ||
        OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        abort();
}
