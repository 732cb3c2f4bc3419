/* SPDX-License-Identifier: MIT
 *
 * Website configurations from XML, and back. Elements come as they end, the inner ones first: what belongs together is judged when the element
 * around it ends. Pure functions; a configuration owns its memory, for workers keep it longer than a request. */
#include <stdlib.h>
#include <string.h>

#include "api/s3/limits.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/website/s3_website.h"
#include "storage/base/slice.h"

#define ROOT           "WebsiteConfiguration"
#define STATUS_DEFAULT 301u
#define PROTOCOL_MESSAGE                                                                                     \
    "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "         \
    "automatically."

struct reading {
    struct arena *arena; /* of what is said of a refusal */
    struct s3_website *website;
    struct s3_website_rule rule;      /* the one being read */
    bool has_condition, has_redirect; /* of the rule */
    bool has_rules;
    enum s3_error error;
    struct s3_refusal *refusal;
};

/* ---- Refusals ---- */

static int refuse(struct reading *reading, enum s3_error error, const char *message)
{
    reading->error = error;
    reading->refusal->message = message;
    return -1;
}

/* "The provided HTTP ... code (VALUE) is not valid. Valid codes are ..." */
static int refuse_code(struct reading *reading, const char *before, struct slice text, const char *after)
{
    return refuse(reading, S3_ERROR_INVALID_REQUEST,
                  arena_concat(reading->arena, slice_text(before), text, slice_text(after)).base);
}

static int refuse_argument(struct reading *reading, const char *name, struct slice value, const char *message)
{
    reading->refusal->name = slice_text(name);
    reading->refusal->value = arena_dup(reading->arena, value.base, value.len);
    return refuse(reading, S3_ERROR_INVALID_ARGUMENT, message);
}

/* ---- Texts ---- */

/* An element that may come once. */
static int keep(struct reading *reading, struct slice *kept, struct slice text, size_t bytes_max)
{
    if (kept->base != NULL || text.len > bytes_max)
        return -1;
    *kept = arena_dup(&reading->website->arena, text.base, text.len);
    return 0;
}

/* Letters, digits, dots and the like, a port; of all requests, a path behind it: nothing that could end the header, or be read as user and
 * password. */
static bool host_is_good(struct slice host, bool may_have_path)
{
    static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]";
    static const char path[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_~!$&'()*+,;=:@%/";
    const char *slash = memchr(host.base, '/', host.len);
    size_t length = slash != NULL ? (size_t)(slash - host.base) : host.len;

    for (size_t i = 0; i < host.len; i++)
        if (host.base[i] == '\0' || strchr(i < length ? name : path, host.base[i]) == NULL)
            return false;
    return length > 0 && (slash == NULL || may_have_path);
}

static int take_host(struct reading *reading, struct s3_website_redirect *redirect, struct slice text)
{
    if (!host_is_good(text, redirect == &reading->website->all))
        return refuse(reading, S3_ERROR_INVALID_REQUEST, "The provided HostName is not valid.");
    return keep(reading, &redirect->host, text, S3_WEBSITE_HOST_BYTES_MAX);
}

static int take_protocol(struct reading *reading, struct s3_website_redirect *redirect, struct slice text)
{
    if (redirect->protocol != NULL)
        return -1;
    redirect->protocol = slice_is(text, "http") ? "http" : slice_is(text, "https") ? "https" : NULL;
    return redirect->protocol != NULL ? 0 : refuse(reading, S3_ERROR_INVALID_REQUEST, PROTOCOL_MESSAGE);
}

/* S3 takes 304 and 305, too, which lead nowhere. */
static int take_status(struct reading *reading, struct slice text)
{
    struct s3_website_redirect *redirect = &reading->rule.redirect;
    uint64_t status;

    if (redirect->has_status)
        return -1;
    if (s3_number_parse(text.base, text.len, 399, &status) != 0 ||
        !((status >= 301 && status <= 303) || status == 307 || status == 308))
        return refuse_code(reading, "The provided HTTP redirect code (", text,
                           ") is not valid. Valid codes are 3XX except 300.");
    redirect->status = (unsigned)status;
    redirect->has_status = true;
    return 0;
}

static int take_error(struct reading *reading, struct slice text)
{
    uint64_t status;

    if (reading->rule.error != 0)
        return -1;
    if (s3_number_parse(text.base, text.len, 599, &status) != 0 || status < 400)
        return refuse_code(reading, "The provided HTTP error code (", text,
                           ") is not valid. Valid codes are 4XX or 5XX.");
    reading->rule.error = (unsigned)status;
    return 0;
}

static int take_suffix(struct reading *reading, struct slice text)
{
    if (text.len == 0 || memchr(text.base, '/', text.len) != NULL)
        return refuse_argument(reading, "IndexDocument", text, "The IndexDocument Suffix is not well formed");
    return keep(reading, &reading->website->index, text, S3_KEY_BYTES_MAX);
}

static int take_error_key(struct reading *reading, struct slice text)
{
    if (text.len == 0)
        return refuse_argument(reading, "ErrorDocument", text, "The ErrorDocument Key is not well formed");
    return keep(reading, &reading->website->error, text, S3_KEY_BYTES_MAX);
}

/* ---- Elements ---- */

static int end_condition(struct reading *reading)
{
    if (reading->has_condition)
        return -1;
    reading->has_condition = true;
    if (reading->rule.prefix.base == NULL && reading->rule.error == 0)
        return refuse(
            reading, S3_ERROR_INVALID_REQUEST,
            "Condition cannot be empty. To redirect all requests without a condition, the condition "
            "element shouldn't be present.");
    return 0;
}

static int end_redirect(struct reading *reading)
{
    const struct s3_website_redirect *redirect = &reading->rule.redirect;

    if (reading->has_redirect)
        return -1;
    reading->has_redirect = true;
    if (redirect->prefix_with.base != NULL && redirect->key_with.base != NULL)
        return refuse(reading, S3_ERROR_INVALID_REQUEST,
                      "You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
    return redirect->host.base != NULL || redirect->protocol != NULL || redirect->prefix_with.base != NULL ||
                   redirect->key_with.base != NULL || redirect->has_status
               ? 0
               : -1;
}

static int end_rule(struct reading *reading)
{
    struct s3_website *website = reading->website;

    if (!reading->has_redirect)
        return -1;
    if (website->count == S3_WEBSITE_RULES_MAX)
        return refuse(reading, S3_ERROR_INVALID_REQUEST,
                      "The number of routing rules must not exceed allowed limit of 50 rules.");
    if (!reading->rule.redirect.has_status)
        reading->rule.redirect.status = STATUS_DEFAULT;
    website->rules[website->count++] = reading->rule;
    reading->rule = (struct s3_website_rule){0};
    reading->has_condition = reading->has_redirect = false;
    return 0;
}

static int end_rules(struct reading *reading)
{
    if (reading->has_rules || reading->website->count == 0)
        return -1;
    reading->has_rules = true;
    return 0;
}

static int end_all(struct reading *reading)
{
    struct s3_website *website = reading->website;

    if (website->redirects_all || website->all.host.base == NULL)
        return -1;
    website->redirects_all = true;
    website->all.status = STATUS_DEFAULT;
    return 0;
}

static int end_root(struct reading *reading)
{
    const struct s3_website *website = reading->website;

    if (website->redirects_all)
        return website->index.base == NULL && website->error.base == NULL && website->count == 0
                   ? 0
                   : refuse(
                         reading, S3_ERROR_INVALID_REQUEST,
                         "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.");
    if (website->index.base == NULL)
        return refuse_argument(
            reading, "IndexDocument", SLICE("null"),
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty");
    return 0;
}

/* What a rule is about, by the path below RoutingRule. */
static int visit_rule(struct reading *reading, const char *name, struct slice text)
{
    struct s3_website_redirect *redirect = &reading->rule.redirect;

    if (strcmp(name, "Condition/KeyPrefixEquals") == 0)
        return keep(reading, &reading->rule.prefix, text, S3_KEY_BYTES_MAX);
    if (strcmp(name, "Condition/HttpErrorCodeReturnedEquals") == 0)
        return take_error(reading, text);
    if (strcmp(name, "Condition") == 0)
        return end_condition(reading);
    if (strcmp(name, "Redirect/Protocol") == 0)
        return take_protocol(reading, redirect, text);
    if (strcmp(name, "Redirect/HostName") == 0)
        return take_host(reading, redirect, text);
    if (strcmp(name, "Redirect/ReplaceKeyPrefixWith") == 0)
        return keep(reading, &redirect->prefix_with, text, S3_KEY_BYTES_MAX);
    if (strcmp(name, "Redirect/ReplaceKeyWith") == 0)
        return keep(reading, &redirect->key_with, text, S3_KEY_BYTES_MAX);
    if (strcmp(name, "Redirect/HttpRedirectCode") == 0)
        return take_status(reading, text);
    return strcmp(name, "Redirect") == 0 ? end_redirect(reading) : -1;
}

static int visit(void *ctx, const char *path, const char *text_base, size_t length)
{
    static const char rule[] = "RoutingRules/RoutingRule";
    struct reading *reading = ctx;
    struct slice text = slice_of(text_base, length);
    const char *name = path + sizeof(ROOT);

    if (strcmp(path, ROOT) == 0)
        return end_root(reading);
    if (strcmp(name, "IndexDocument/Suffix") == 0)
        return take_suffix(reading, text);
    if (strcmp(name, "IndexDocument") == 0)
        return reading->website->index.base != NULL ? 0 : -1;
    if (strcmp(name, "ErrorDocument/Key") == 0)
        return take_error_key(reading, text);
    if (strcmp(name, "ErrorDocument") == 0)
        return reading->website->error.base != NULL ? 0 : -1;
    if (strcmp(name, "RedirectAllRequestsTo/HostName") == 0)
        return take_host(reading, &reading->website->all, text);
    if (strcmp(name, "RedirectAllRequestsTo/Protocol") == 0)
        return take_protocol(reading, &reading->website->all, text);
    if (strcmp(name, "RedirectAllRequestsTo") == 0)
        return end_all(reading);
    if (strcmp(name, "RoutingRules") == 0)
        return end_rules(reading);
    if (strncmp(name, rule, sizeof(rule) - 1) != 0)
        return -1;
    name += sizeof(rule) - 1;
    return *name == '\0' ? end_rule(reading) : *name == '/' ? visit_rule(reading, name + 1, text) : -1;
}

enum s3_error s3_website_read(struct arena *arena, struct slice xml, struct s3_website **website,
                              struct s3_refusal *refusal)
{
    struct reading reading = {.arena = arena, .website = calloc(1, sizeof(**website)), .refusal = refusal};

    *refusal = (struct s3_refusal){0};
    if (reading.website == NULL)
        return S3_ERROR_INTERNAL_ERROR;
    arena_init(&reading.website->arena, NULL);
    int result = s3_xml_parse(xml.base, xml.len, ROOT, visit, &reading);
    if (result == 0) {
        *website = reading.website;
        return S3_ERROR_NONE;
    }
    s3_website_free(reading.website);
    return reading.error != S3_ERROR_NONE ? reading.error : s3_error_of_xml(result);
}

void s3_website_free(struct s3_website *website)
{
    arena_free(&website->arena);
    free(website);
}

/* ---- Writing ---- */

static void write_text(struct s3_xml *xml, const char *name, struct slice text)
{
    if (text.base != NULL)
        s3_xml_text(xml, name, text.base, text.len);
}

static void write_redirect(struct s3_xml *xml, const char *name, const struct s3_website_redirect *redirect)
{
    s3_xml_open(xml, name);
    write_text(xml, "HostName", redirect->host);
    if (redirect->has_status)
        s3_xml_unsigned(xml, "HttpRedirectCode", redirect->status);
    if (redirect->protocol != NULL)
        s3_xml_string(xml, "Protocol", redirect->protocol);
    write_text(xml, "ReplaceKeyPrefixWith", redirect->prefix_with);
    write_text(xml, "ReplaceKeyWith", redirect->key_with);
    s3_xml_close(xml, name);
}

static void write_rule(struct s3_xml *xml, const struct s3_website_rule *rule)
{
    s3_xml_open(xml, "RoutingRule");
    if (rule->error != 0 || rule->prefix.base != NULL) {
        s3_xml_open(xml, "Condition");
        if (rule->error != 0)
            s3_xml_unsigned(xml, "HttpErrorCodeReturnedEquals", rule->error);
        write_text(xml, "KeyPrefixEquals", rule->prefix);
        s3_xml_close(xml, "Condition");
    }
    write_redirect(xml, "Redirect", &rule->redirect);
    s3_xml_close(xml, "RoutingRule");
}

static void write_document(struct s3_xml *xml, const char *name, const char *element, struct slice text)
{
    if (text.base == NULL)
        return;
    s3_xml_open(xml, name);
    write_text(xml, element, text);
    s3_xml_close(xml, name);
}

void s3_website_write(struct s3_xml *xml, const struct s3_website *website)
{
    s3_xml_open(xml, ROOT S3_XMLNS);
    if (website->redirects_all)
        write_redirect(xml, "RedirectAllRequestsTo", &website->all);
    write_document(xml, "IndexDocument", "Suffix", website->index);
    write_document(xml, "ErrorDocument", "Key", website->error);
    if (website->count > 0)
        s3_xml_open(xml, "RoutingRules");
    for (uint32_t i = 0; i < website->count; i++)
        write_rule(xml, &website->rules[i]);
    if (website->count > 0)
        s3_xml_close(xml, "RoutingRules");
    s3_xml_close(xml, ROOT);
}
