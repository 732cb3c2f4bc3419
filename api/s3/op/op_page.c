/* SPDX-License-Identifier: MIT
 *
 * What the listings have in common: their parameters, their common prefixes, and that the head comes last and stands first. */
#include "api/s3/op/op_page.h"

#include <assert.h>
#include <errno.h>

#include "storage/base/slice.h"

int s3_page_read(struct s3_page *page, struct s3_request *request, const char *limit_name)
{
    page->request = request;
    page->prefix = s3_parameter_value(request, "prefix");
    page->delimiter = s3_parameter_value(request, "delimiter");
    page->before = SLICE("");
    return s3_parameter_encoding(request, &page->url) != 0
               ? -EINVAL
               : s3_parameter_count(request, limit_name, META_LIST_ENTRIES_MAX, META_LIST_ENTRIES_MAX,
                                    &page->limit);
}

void s3_page_begin(struct s3_page *page)
{
    if (page->delimiter.len > 0)
        page->common = s3_request_alloc(page->request, (page->limit + 1) * sizeof(*page->common));
    s3_xml_init_rest(&page->xml, &page->request->http->arena);
}

struct slice s3_page_add_common(struct s3_page *page, struct slice prefix)
{
    assert(page->common != NULL && page->common_count <= page->limit);
    return page->common[page->common_count++] =
               arena_dup(&page->request->http->arena, prefix.base, prefix.len);
}

void s3_page_write_name(const struct s3_page *page, struct s3_xml *xml, const char *element,
                        struct slice name)
{
    s3_xml_open(xml, element);
    s3_xml_key_characters(xml, page->before.base, page->before.len, page->url);
    s3_xml_key_characters(xml, name.base, name.len, page->url);
    s3_xml_close(xml, element);
}

void s3_page_write_limits(const struct s3_page *page, struct s3_xml *xml, const char *limit_element)
{
    s3_xml_unsigned(xml, limit_element, page->limit);
    if (page->delimiter.len > 0)
        s3_xml_parameter(xml, "Delimiter", page->delimiter, page->url);
    if (page->url)
        s3_xml_string(xml, "EncodingType", "url");
    s3_xml_bool(xml, "IsTruncated", page->truncated);
}

int s3_page_end(struct s3_page *page, int result, const char *root, struct s3_xml *head)
{
    if (result != 0) {
        s3_answer_result(page->request, result);
        return result;
    }
    for (uint32_t i = 0; i < page->common_count; i++) {
        s3_xml_open(&page->xml, "CommonPrefixes");
        s3_page_write_name(page, &page->xml, "Prefix", page->common[i]);
        s3_xml_close(&page->xml, "CommonPrefixes");
    }
    s3_xml_close(&page->xml, root);
    s3_xml_init(head, &page->request->http->arena);
    return 0;
}

void s3_page_answer(struct s3_page *page, struct s3_xml *head)
{
    s3_xml_prepend(&page->xml, head);
    s3_answer_xml(page->request, 200, &page->xml);
}
