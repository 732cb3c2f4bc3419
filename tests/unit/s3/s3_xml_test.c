/* SPDX-License-Identifier: MIT
 *
 * XML out and in: escaping, paths, and everything that must be refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/limits.h"
#include "api/s3/text/s3_xml.h"

#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

static struct arena arena;

static void check(const struct s3_xml *xml, const char *expected)
{
    size_t declaration = strlen(DECLARATION);

    assert_true(xml->length >= declaration);
    assert_memory_equal(xml->data, DECLARATION, declaration);
    assert_int_equal(xml->length - declaration, strlen(expected));
    assert_memory_equal(xml->data + declaration, expected, strlen(expected));
}

static void test_write(void **state)
{
    struct s3_xml xml;

    s3_xml_init(&xml, &arena);
    s3_xml_open(&xml, "A" S3_XMLNS);
    s3_xml_string(&xml, "S", "<&>\"'");
    s3_xml_unsigned(&xml, "U", UINT64_MAX);
    s3_xml_bool(&xml, "B", true);
    s3_xml_time(&xml, "T", 1769862896007);
    s3_xml_time(&xml, "T", -1);
    s3_xml_text(&xml, "E", NULL, 0);
    s3_xml_close(&xml, "A");
    check(
        &xml,
        "<A xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><S>&lt;&amp;&gt;&quot;'</S>"
        "<U>18446744073709551615</U><B>true</B><T>2026-01-31T12:34:56.000Z</T><T>1969-12-31T23:59:59.000Z</T>"
        "<E></E></A>");
}

/* A beginning that comes last: of usual length it finds room, a longer one moves the rest. Both can go on to grow. */
static void test_prepend(void **state)
{
    static char large[S3_XML_ROOM_BYTES + 1];
    struct s3_xml rest, beginning;
    const char *rest_at;
    char expected[S3_XML_ROOM_BYTES + 6000];

    memset(large, 'l', sizeof(large));
    for (unsigned length = 1; length <= sizeof(large); length += sizeof(large) - 1) {
        size_t at = (size_t)sprintf(expected, "<A><L>%.*s</L>", (int)length, large);

        s3_xml_init_rest(&rest, &arena);
        for (unsigned i = 0; i < 500; i++) {
            s3_xml_unsigned(&rest, "N", 5);
            at += (size_t)sprintf(expected + at, "<N>5</N>");
        }
        rest_at = rest.data;
        s3_xml_init(&beginning, &arena);
        s3_xml_open(&beginning, "A");
        s3_xml_text(&beginning, "L", large, length);
        s3_xml_prepend(&rest, &beginning);
        assert_int_equal(rest.data + beginning.length == rest_at, length == 1);
        check(&rest, expected);
        for (unsigned i = 0; i < 200; i++)
            s3_xml_close(&rest, "A");
        assert_memory_equal(rest.data + rest.length - 8, "</A></A>", 8);
    }
}

static void test_write_characters(void **state)
{
    struct s3_xml xml;

    s3_xml_init(&xml, &arena);
    s3_xml_text(&xml, "K", "\r\n\t\x01\x7f\xc3\xa9\xff\xef\xbf\xbe\0z", 13);
    check(&xml, "<K>&#13;\n\t\xef\xbf\xbd\x7f\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz</K>");
    s3_xml_init(&xml, &arena);
    s3_xml_key(&xml, "K", "a/b c+d%&\x01\xc3\xa9", 12, true);
    check(&xml, "<K>a/b%20c%2Bd%25%26%01%C3%A9</K>");
}

static void test_write_large(void **state)
{
    size_t length = 300000;
    char *text = malloc(length);
    struct s3_xml xml;

    memset(text, '<', length);
    s3_xml_init(&xml, &arena);
    s3_xml_text(&xml, "K", text, length);
    assert_int_equal(xml.length, strlen(DECLARATION) + 7 + 4 * length);
    s3_xml_key(&xml, "K", text, length, true);
    assert_int_equal(xml.length, strlen(DECLARATION) + 14 + 7 * length);
    free(text);
}

/* Records what was visited as "path=text;". */
struct record {
    char text[4096];
    size_t refuse_after; /* 0: never */
    size_t visits;
};

static int visit(void *ctx, const char *path, const char *text, size_t length)
{
    struct record *record = ctx;
    size_t at = strlen(record->text);

    assert_int_equal(strlen(text), length);
    snprintf(record->text + at, sizeof(record->text) - at, "%s=%s;", path, text);
    return ++record->visits == record->refuse_after;
}

static void check_parse(const char *document, const char *root, const char *expected)
{
    struct record record = {.text = ""};
    int result = s3_xml_parse(document, strlen(document), root, visit, &record);

    assert_int_equal(result, expected != NULL ? 0 : -EBADMSG);
    if (expected != NULL)
        assert_string_equal(record.text, expected);
}

static void test_parse_types(void **state)
{
    static const char document[] =
        "<A xmlns:xsi=\"urn:x\" xsi:type=\"one\" type=\"none\"><B xsi:type=\"two\">x</B></A>";
    struct record record = {.text = ""};

    check_parse(document, "A", "A/B=x;A=;");
    assert_int_equal(s3_xml_parse_typed(document, strlen(document), "A", visit, &record), 0);
    assert_string_equal(record.text, "A/@type=one;A/B/@type=two;A/B=x;A=;");
    record = (struct record){.refuse_after = 2};
    assert_int_equal(s3_xml_parse_typed(document, strlen(document), "A", visit, &record), -EBADMSG);
    assert_string_equal(record.text, "A/@type=one;A/B/@type=two;");
}

static void test_parse(void **state)
{
    check_parse("<A/>", "A", "A=;");
    check_parse("<?xml version=\"1.0\"?>\n<A><B>x &amp; &#x41;</B>y<C><D>1</D>2</C>z</A>", "A",
                "A/B=x & A;A/C/D=1;A/C=2;A=yz;");
    check_parse("<s3:A xmlns:s3=\"urn:x\"><s3:B> 1 </s3:B></s3:A>", "A", "A/B= 1 ;A=;");
    check_parse("<A xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><B><![CDATA[<&>]]></B></A>", "A",
                "A/B=<&>;A=;");
    check_parse("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><A>\xc3\xa9</A>", "A", "A=\xc3\xa9;");
}

static void test_parse_refuses(void **state)
{
    struct record record = {.refuse_after = 1};
    char deep[512] = "";

    check_parse("", "A", NULL);
    check_parse("x", "A", NULL);
    check_parse("<A>", "A", NULL);
    check_parse("<A></B>", "A", NULL);
    check_parse("<B/>", "A", NULL);
    check_parse("<A/><A/>", "A", NULL);
    check_parse("<A>&nope;</A>", "A", NULL);
    check_parse("<A>\xff</A>", "A", NULL);
    check_parse("<!DOCTYPE A><A/>", "A", NULL);
    check_parse("<!DOCTYPE A SYSTEM \"file:///etc/passwd\"><A/>", "A", NULL);
    check_parse("<!DOCTYPE A [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><A>&b;</A>", "A", NULL);
    assert_int_equal(s3_xml_parse("<A><B/><C/></A>", 15, "A", visit, &record), -EBADMSG);
    assert_int_equal(record.visits, 1);
    for (unsigned i = 0; i < S3_XML_DEPTH_MAX; i++)
        strcat(deep, "<A>");
    for (unsigned i = 0; i < S3_XML_DEPTH_MAX; i++)
        strcat(deep, "</A>");
    record = (struct record){.text = ""};
    assert_int_equal(s3_xml_parse(deep, strlen(deep), "A", visit, &record), 0);
    memmove(deep + 3, deep, strlen(deep) + 1);
    memcpy(deep, "<A>", 3);
    strcat(deep, "</A>");
    assert_int_equal(s3_xml_parse(deep, strlen(deep), "A", visit, &record), -EBADMSG);
}

static void test_parse_bounds(void **state)
{
    size_t length = S3_XML_BYTES_MAX;
    char *document = malloc(length + 2);
    struct record record = {.text = ""};

    memset(document, 'x', length + 1);
    memcpy(document, "<A><B/>", 7);
    memcpy(document + length - 4, "</A>", 4);
    assert_int_equal(s3_xml_parse(document, length, "A", visit, &record), 0);
    assert_int_equal(s3_xml_parse(document, length + 1, "A", visit, &record), -EBADMSG);
    memset(document, 'n', 2000); /* an element name longer than any path may be */
    document[0] = '<';
    memcpy(document + 2000, "/>", 3);
    document[2002] = '\0';
    assert_int_equal(s3_xml_parse(document, 2002, "A", visit, &record), -EBADMSG);
    free(document);
}

static int visit_any(void *ctx, const char *path, const char *text, size_t length)
{
    assert_true(strlen(path) < 512);
    assert_int_equal(strlen(text), length);
    return 0;
}

/* A valid document with bytes changed, lost and doubled: parsed or refused, never worse. */
static void test_parse_mutated(void **state)
{
    static const char seed[] =
        "<?xml version=\"1.0\"?><Delete xmlns=\"urn:a\"><Quiet>true</Quiet><Object><Key>a&#13;&lt;b</Key>"
        "</Object><Object><Key><![CDATA[x]]></Key><!-- c --></Object></Delete>";
    unsigned accepted = 0;

    srandom(3);
    for (int round = 0; round < 20000; round++) {
        char text[sizeof(seed) + 8];
        size_t length = sizeof(seed) - 1;

        memcpy(text, seed, sizeof(seed));
        for (int changes = 1 + (int)(random() % 4); changes > 0; changes--) {
            size_t at = (size_t)random() % length;

            if (random() % 2 == 0)
                text[at] = (char)random();
            else
                memmove(text + at, text + at + 1, --length - at);
        }
        accepted += s3_xml_parse(text, length, "Delete", visit_any, NULL) == 0;
    }
    assert_true(accepted > 0 && accepted < 20000);
}

/* ---- Fed ---- */

static int feed(const char *document, size_t length, size_t step, const char *root, struct record *record)
{
    struct s3_xml_reader *reader = s3_xml_reader_open(root, visit, record);
    int result = 0;

    assert_non_null(reader);
    for (size_t at = 0; at < length && result == 0; at += step) {
        size_t piece = length - at < step ? length - at : step;
        char *copy = malloc(piece); /* a sanitizer sees each step too far */

        memcpy(copy, document + at, piece);
        result = s3_xml_reader_feed(reader, copy, piece);
        free(copy);
    }
    if (result == 0)
        result = s3_xml_reader_close(reader);
    s3_xml_reader_end(reader);
    return result;
}

/* In whatever pieces it comes, a document says the same; but for text that stands beside elements, and layout. */
static void test_feed(void **state)
{
    static const char document[] =
        "<?xml version=\"1.0\"?>\n<x:Delete xmlns:x='urn:a'>  <!-- <Key>no</Key> -->\n  <Object>"
        "<Key>a&amp;b&#x65e5;<![CDATA[<]]></Key>\n</Object><?p <i> ?><Quiet/>\n</x:Delete>\n";
    struct record whole = {.text = ""};
    static const char *const bad[] = {"",
                                      " ",
                                      "<Other/>",
                                      "<Delete>",
                                      "<Delete/><Delete/>",
                                      "<Delete>x<Object/></Delete>",
                                      "<Delete><Object/>x<Object/></Delete>",
                                      "<!DOCTYPE Delete><Delete/>",
                                      "<Delete>&undefined;</Delete>"};

    assert_int_equal(feed(document, sizeof(document) - 1, sizeof(document), "Delete", &whole), 0);
    assert_non_null(strstr(whole.text, "Delete/Object/Key=a&b\xe6\x97\xa5<"));
    for (size_t step = 1; step < 40; step++) {
        struct record record = {.text = ""};

        assert_int_equal(feed(document, sizeof(document) - 1, step, "Delete", &record), 0);
        assert_string_equal(record.text, whole.text);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            if (feed(bad[i], strlen(bad[i]), step, "Delete", &record) != -EBADMSG)
                fail_msg("taken: %s", bad[i]);
    }
    assert_int_equal(feed("<A>\0</A>", 8, 3, "A", &whole), -EBADMSG);
}

/* However long it is, it costs no more than its bounds. */
static void test_feed_bounds(void **state)
{
    static const char *const kinds[] = {"<A><B>%s</B></A>", "<A><B %s='1'/></A>", "<A><!-- %s --></A>",
                                        "<A><?p %s ?></A>", "<A>%s<B/></A>"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (size_t length = 1000; length <= 4u * S3_XML_TEXT_BYTES_MAX;
             length += 4u * S3_XML_TEXT_BYTES_MAX - 1000) {
            char *filling = test_malloc(length + 1), *document = test_malloc(length + 64);
            struct record record = {.text = ""};
            int result;

            memset(filling, i == 4 ? ' ' : 'x', length);
            filling[length] = '\0';
            snprintf(document, length + 64, kinds[i], filling);
            result = feed(document, strlen(document), 10000, "A", &record);
            if ((result == 0) != (length == 1000))
                fail_msg("%s of %zu: %d", kinds[i], length, result);
            test_free(filling);
            test_free(document);
        }
    }
}

static int setup(void **state)
{
    arena_init(&arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_prepend),
        cmocka_unit_test(test_write_characters),
        cmocka_unit_test(test_write_large),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_types),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_parse_bounds),
        cmocka_unit_test(test_parse_mutated),
        cmocka_unit_test(test_feed),
        cmocka_unit_test(test_feed_bounds),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
