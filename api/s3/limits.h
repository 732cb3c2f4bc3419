/* SPDX-License-Identifier: MIT
 *
 * Every bound of the S3 front, with its unit in the name and its reason beside it. */
#ifndef API_S3_LIMITS_H
#define API_S3_LIMITS_H

#define S3_OBJECT_BYTES_MAX     (5ull << 40) /* 5 TiB, by multipart */
#define S3_PUT_BYTES_MAX        (5ull << 30) /* S3's limit of one PutObject or UploadPart */
#define S3_PART_BYTES_MIN       (5ull << 20) /* every part but the last */
#define S3_ANNOTATION_BYTES_MAX (1ull << 20) /* S3's limit of one annotation */
#define S3_SIGNED_HEADERS_MAX   128u         /* more than a head can have */
#define S3_XML_BYTES_MAX        (2u << 20)   /* of documents that are held as a whole: settings */
#define S3_XML_DEPTH_MAX        16u
#define S3_XML_ROOM_BYTES       2048u       /* before a listing's entries, for what is known after them */
#define S3_FORM_BYTES_MAX       (64u << 10) /* fields of a posted form, before its file; S3: 20 KiB */
#define S3_FORM_FIELDS_MAX      100u
#define S3_DELETE_KEYS_MAX      1000u
#define S3_COPY_ATTEMPTS_MAX                                                                                 \
    16u /* each but the last found its source overwritten while it looked at it, or digested it */
#define S3_DELETE_KEYS_PER_TURN                                                                              \
    50u /* judged before other requests have their turn: a few milliseconds at the worst */

/* Documents of many entries: what is legal fits, written in the longest way that clients have. A byte of a text may come as a reference
 * ("&quot;", "&#x3c;"), and pretty printers put blanks around each element. */
#define S3_PARTS_MAX             10000u
#define S3_KEY_BYTES_MAX         1024u
#define S3_XML_REFERENCE_BYTES   6u
#define S3_XML_LAYOUT_BYTES      96u   /* of an entry */
#define S3_XML_ENVELOPE_BYTES    4096u /* declaration, root element, comments */
#define S3_CHECKSUM_BASE64_BYTES 88u   /* SHA-512 */
#define S3_PART_ETAG_BYTES       (34u + 2u * S3_XML_REFERENCE_BYTES)
#define S3_VERSION_ID_BYTES      64u
#define S3_TIME_BYTES            40u
#define S3_SIZE_DIGITS           13u
#define S3_COMPLETE_PART_BYTES                                                                               \
    (sizeof("<Part><PartNumber>10000</PartNumber><ETag></ETag><ChecksumSHA512></ChecksumSHA512></Part>") +   \
     S3_PART_ETAG_BYTES + S3_CHECKSUM_BASE64_BYTES + S3_XML_LAYOUT_BYTES)
#define S3_COMPLETE_BYTES_MAX (S3_XML_ENVELOPE_BYTES + S3_PARTS_MAX * S3_COMPLETE_PART_BYTES)
#define S3_DELETE_KEY_BYTES                                                                                  \
    (sizeof("<Object><Key></Key><VersionId></VersionId><ETag></ETag><LastModifiedTime></LastModifiedTime>"   \
            "<Size></Size></Object>") +                                                                      \
     S3_XML_REFERENCE_BYTES * S3_KEY_BYTES_MAX + S3_VERSION_ID_BYTES + S3_PART_ETAG_BYTES + S3_TIME_BYTES +  \
     S3_SIZE_DIGITS + S3_XML_LAYOUT_BYTES)
#define S3_DELETE_BYTES_MAX (S3_XML_ENVELOPE_BYTES + S3_DELETE_KEYS_MAX * S3_DELETE_KEY_BYTES)
/* They are read as they come: an element's text, and what is kept of a whole one. All requests may hold sixteen of those, and some more. */
#define S3_XML_TEXT_BYTES_MAX (64u << 10)
#define S3_STREAM_MEMORY_MAX  2000000u

/* Archives: what of one is read, and how many of its headers are looked at, before others have their turn: well below a millisecond. */
#define S3_ARCHIVE_BYTES_PER_TURN (512u << 10)
#define S3_ARCHIVE_STEPS_PER_TURN 32u
#define S3_ARCHIVE_TAR_PER_STEP   16u         /* headers in memory already */
#define S3_ARCHIVE_TAR_MAX        400000u     /* of a whole tar, those about other members too */
#define S3_ARCHIVE_WINDOW_BYTES   (64u << 10) /* of a tar, where members are small */
#define S3_ARCHIVE_GLANCE_BYTES   4096u /* where they are large: a header, and what usually is about it */
#define S3_ARCHIVE_INLINE_BYTES                                                                              \
    (64u << 10) /* of a directory that is read on the worker: a thread would cost more */
#define S3_ARCHIVE_INLINE_MEMBERS 1000u
#define S3_INFLATE_SKIPS_PER_STEP                                                                            \
    16u /* of 64 KiB that are not wanted, before other members have their turn */
#define S3_ARCHIVE_EXTENTS_KEPT                                                                              \
    1024u /* of an archive whose index is kept: their digest costs some 25 microseconds */

/* A publication: keys that get objects, keys that go because of a prefix, and the document that names the former, of which no more is kept than
 * it has bytes: 800 for each of ten thousand. A key asks up to two policies. */
#define S3_PUBLISH_KEYS_MAX      10000u
#define S3_PUBLISH_REMOVALS_MAX  20000u /* with as many staged ones */
#define S3_PUBLISH_BYTES_MAX     (8u << 20)
#define S3_PUBLISH_KEYS_PER_TURN 25u
/* Uploads that are published: parts of one, which are counted one by one in one change, six milliseconds; and of all. Pieces, parts or whole
 * objects, that one change takes on. */
#define S3_PUBLISH_UPLOAD_PARTS_MAX 1000u
#define S3_PUBLISH_PARTS_MAX        20000u
#define S3_PUBLISH_STEP_PIECES      512u

#define S3_QUERY_PARAMETERS_MAX       64u
#define S3_USER_METADATA_BYTES_MAX    2048u            /* S3's limit: names and values of x-amz-meta-* */
#define S3_CLOCK_SKEW_SECONDS         900              /* 15 minutes, as S3 */
#define S3_PRESIGN_SECONDS_MAX        604800           /* 7 days, as S3 */
#define S3_CHUNK_LINE_BYTES_MAX       512u             /* aws-chunked: size line with signature */
#define S3_CHUNK_BYTES_MAX            S3_PUT_BYTES_MAX /* some clients send a body as one chunk */
#define S3_TRAILER_BYTES_MAX          4096u
#define S3_CREDENTIALS_FILE_BYTES_MAX (1u << 20)
#define S3_KEYS_MAX                   4096u /* access keys in one credentials file */
/* Of one identity: its own, and eight that it reads, each a look-up for what is not there; and the bytes of one, before a name in a key of
 * 1,024. */
#define S3_AUDIENCES_MAX          8u   /* of an issuer */
#define S3_ROLES_MAX              256u /* each token is held against them, in their order */
#define S3_ROLE_CLAIMS_MAX        16u
#define S3_SCOPES_MAX             9u
#define S3_SCOPE_BYTES_MAX        128u
#define S3_GRANTS_MAX             256u     /* bucket patterns of one key: each request looks through them */
#define S3_ACCESS_KEY_BYTES_MAX   128u     /* AWS's limit */
#define S3_SECRET_KEY_BYTES_MAX   128u     /* AWS's are 40; the signing key's buffer has a fixed size */
#define S3_RATE_MAX               1000000u /* requests a second */
#define S3_CERTIFICATE_NAMES_MAX  32u      /* of a client's certificate: its first ones are looked up */
#define S3_TOKEN_SECRET_BYTES_MIN 16u /* a token's secret is all that is shown of it: not to be guessed */
#define S3_SIGNING_KEYS_MAX       64u /* derived ones that a worker keeps; deriving one again takes a microsecond */
#define S3_OWNER_BYTES_MAX        64u /* as long as AWS's canonical user ids; meta_bucket.owner holds it */
/* Wrong credentials that an address may show at once, and how long it waits for one more: a person mistypes less often, and 28,800 guesses
 * a day lead nowhere. */
#define S3_ATTEMPTS_MAX         20u
#define S3_ATTEMPT_MS           3000
#define S3_ATTEMPT_ACCOUNTS_MAX 4096u  /* addresses that were wrong in the last minute: 80 bytes each */
#define S3_ATTEMPT_CLAIMS_MAX   16384u /* names that were right, with their addresses: 8 bytes each */
/* Sessions. Durations are AWS's; so is the length of a name, and that of a policy given with a request. */
#define S3_SESSION_SECONDS_MIN      900
#define S3_SESSION_SECONDS_DEFAULT  3600
#define S3_SESSION_SECONDS_MAX      43200 /* of GetSessionToken, too, where AWS has 36 hours */
#define S3_SESSION_NAME_BYTES_MAX   64u
#define S3_SESSION_POLICY_BYTES_MAX 2048u
#define S3_STS_FORM_BYTES_MAX       (64u << 10) /* a token of 20,000 bytes and a policy, percent-encoded */
#define S3_STS_PARAMETERS_MAX       64u
/* Stored headers of all objects that one archive becomes: 40 bytes each while they wait to be rows. */
#define S3_UNPACK_ATTRIBUTES_MAX    200000u
#define S3_JUDGEMENTS_MAX           8u /* of one change, each because the object had changed since the last */
#define S3_ERRORS_LOGGED_PER_SECOND 10u /* a failing disk answers every request with an error */

/* Buckets of which /-/metrics tells what they hold: ten lines each, and monitors keep a series for each line. */
#define METRICS_BUCKETS_MAX 200u

#endif
