/* SPDX-License-Identifier: MIT
 *
 * `sluice ping`: asks /-/healthy of a running server, for health checks of containers that hold no curl. By HTTPS where the
 * server's options say that --listen is for HTTPS alone. */
#include "api/cli/cli.h"

#include <string.h>

int cli_ping(const struct options *options)
{
    const char *address = options->listen.items[0];
    bool is_tls =
        options->tls_certificate.count > 0 && options->tls_listen == NULL && !option_is_unix(address);
    int status = sluice_ping(address, is_tls);

    if (status == 200) {
        printf("healthy\n");
        return CLI_OK;
    }
    if (status < 0)
        cli_say(SLUICE_LOG_ERROR, "%s does not answer: %s", address, strerror(-status));
    else
        cli_say(SLUICE_LOG_ERROR, "%s is not healthy: it answered %d", address, status);
    return CLI_FAILED;
}
