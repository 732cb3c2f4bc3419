/* SPDX-License-Identifier: MIT
 *
 * The one table of S3 errors: name here, HTTP status, code on the wire, default message. Several rows may share a code, where S3 says
 * something else beside it. What an error carries further is s3_error_elements.h's. */
#ifndef API_S3_S3_ERROR_H
#define API_S3_S3_ERROR_H

#define S3_ERROR_MAP(X)                                                                                      \
    X(ACCESS_DENIED, 403, "AccessDenied", "Access Denied")                                                   \
    X(ACCESS_FORBIDDEN, 403, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")        \
    X(ACL_NOT_SUPPORTED, 400, "AccessControlListNotSupported", "The bucket does not allow ACLs")             \
    X(ANNOTATION_LIMIT_EXCEEDED, 400, "AnnotationLimitExceeded",                                             \
      "The object annotation count exceeds the limit (1000).")                                               \
    X(ANNOTATION_NAME_TOO_LONG, 400, "AnnotationNameTooLong",                                                \
      "Your annotation name is too long. Annotation names can be up to 512 bytes in length.")                \
    X(AUTHORIZATION_HEADER_MALFORMED, 400, "AuthorizationHeaderMalformed",                                   \
      "The authorization header is malformed.")                                                              \
    X(AUTHORIZATION_QUERY_PARAMETERS, 400, "AuthorizationQueryParametersError",                              \
      "The query authorization parameters are invalid.")                                                     \
    X(BAD_DIGEST, 400, "BadDigest", "The Content-MD5 you specified did not match what we received.")         \
    X(BAD_REQUEST, 400, "BadRequest", "Bad Request")                                                         \
    X(BUCKET_ALREADY_EXISTS, 409, "BucketAlreadyExists", "The requested bucket name is not available.")      \
    X(BUCKET_ALREADY_OWNED_BY_YOU, 409, "BucketAlreadyOwnedByYou",                                           \
      "Your previous request to create the named bucket succeeded and you already own it.")                  \
    X(BUCKET_NOT_EMPTY, 409, "BucketNotEmpty", "The bucket you tried to delete is not empty")                \
    X(CHECKSUM_MISMATCH, 400, "BadDigest",                                                                   \
      "The checksum you specified did not match the calculated checksum.")                                   \
    X(CHUNK_SIGNATURE, 403, "SignatureDoesNotMatch",                                                         \
      "The request signature we calculated does not match the signature you provided. Check your key and "   \
      "signing method.")                                                                                     \
    X(COMMIT_IN_DOUBT, 503, "ServiceUnavailable",                                                            \
      "The database was lost while the change was committed: it may have been made, or not. Please look "    \
      "before you try again.")                                                                               \
    X(CONDITIONAL_REQUEST_CONFLICT, 409, "ConditionalRequestConflict",                                       \
      "The conditional request cannot succeed due to a conflicting operation against this resource.")        \
    X(ENTITY_TOO_LARGE, 400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")      \
    X(ENTITY_TOO_LARGE_FOR_CACHE, 413, "EntityTooLarge",                                                     \
      "Your proposed upload exceeds the maximum size of objects in this bucket")                             \
    X(ENTITY_TOO_SMALL, 400, "EntityTooSmall",                                                               \
      "Your proposed upload is smaller than the minimum allowed size")                                       \
    X(EXPIRED_TOKEN, 400, "ExpiredToken", "The provided token has expired.")                                 \
    X(HEADERS_NOT_SIGNED, 403, "AccessDenied",                                                               \
      "There were headers present in the request which were not signed")                                     \
    X(ILLEGAL_VERSIONING_CONFIGURATION, 400, "IllegalVersioningConfigurationException",                      \
      "The Versioning element must be specified")                                                            \
    X(IDEMPOTENCY_PARAMETER_MISMATCH, 400, "IdempotencyParameterMismatch",                                   \
      "Parameters on this idempotent request are inconsistent with parameters used in previous request(s).") \
    X(ILLEGAL_LOCATION_CONSTRAINT, 400, "IllegalLocationConstraintException",                                \
      "The specified location constraint is not this server's region.")                                      \
    X(INCOMPLETE_BODY, 400, "IncompleteBody", "The request body terminated unexpectedly")                    \
    X(INTERNAL_ERROR, 500, "InternalError", "We encountered an internal error. Please try again.")           \
    X(INVALID_ACCESS_KEY_ID, 403, "InvalidAccessKeyId",                                                      \
      "The AWS Access Key Id you provided does not exist in our records.")                                   \
    X(INVALID_ANNOTATION_NAME, 400, "InvalidAnnotationName",                                                 \
      "Your annotation name contains invalid characters, or the name starts with a reserved prefix (aws or " \
      "s3). Annotation names can contain only Unicode letters, numbers, underscore, period and hyphen.")     \
    X(INVALID_ARGUMENT, 400, "InvalidArgument", "Invalid Argument")                                          \
    X(INVALID_BUCKET_ACL, 400, "InvalidBucketAclWithObjectOwnership",                                        \
      "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")                      \
    X(INVALID_BUCKET_OWNER, 400, "InvalidBucketOwnerAWSAccountID",                                           \
      "The value of the expected bucket owner parameter must be an AWS account ID")                          \
    X(INVALID_BUCKET_STATE, 409, "InvalidBucketState",                                                       \
      "The request is not valid with the current state of the bucket.")                                      \
    X(INVALID_BUCKET_NAME, 400, "InvalidBucketName", "The specified bucket is not valid.")                   \
    X(INVALID_ENCRYPTION_ALGORITHM, 400, "InvalidEncryptionAlgorithmError",                                  \
      "The encryption request you specified is not valid. Supported value: AES256.")                         \
    X(INVALID_DIGEST, 400, "InvalidDigest", "The Content-MD5 you specified was invalid.")                    \
    X(INVALID_LOCATION_CONSTRAINT, 400, "InvalidLocationConstraint",                                         \
      "The specified location-constraint is not valid")                                                      \
    X(INVALID_PART, 400, "InvalidPart",                                                                      \
      "One or more of the specified parts could not be found.  The part may not have been uploaded, or the " \
      "specified entity tag may not match the part's entity tag.")                                           \
    X(INVALID_PART_ORDER, 400, "InvalidPartOrder",                                                           \
      "The list of parts was not in ascending order. Parts must be ordered by part number.")                 \
    X(INVALID_PART_NUMBER, 416, "InvalidPartNumber", "The requested partnumber is not satisfiable")          \
    X(INVALID_POLICY_DOCUMENT, 400, "InvalidPolicyDocument",                                                 \
      "The content of the form does not meet the conditions specified in the policy document.")              \
    X(INVALID_PREFIX, 400, "InvalidPrefix", "The annotation prefix you have provided is not valid.")         \
    X(INVALID_RANGE, 416, "InvalidRange", "The requested range is not satisfiable")                          \
    X(INVALID_REDIRECT_LOCATION, 400, "InvalidRedirectLocation",                                             \
      "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.")                 \
    X(INVALID_REQUEST, 400, "InvalidRequest", "Invalid Request")                                             \
    X(INVALID_STORAGE_CLASS, 400, "InvalidStorageClass", "The storage class you specified is not valid")     \
    X(INVALID_TAG, 400, "InvalidTag", "The tag provided was not a valid tag.")                               \
    X(INVALID_TOKEN, 400, "InvalidToken", "The provided token is malformed or otherwise invalid.")           \
    X(INVALID_URI, 400, "InvalidURI", "Couldn't parse the specified URI.")                                   \
    X(INVALID_WRITE_OFFSET, 400, "InvalidWriteOffset",                                                       \
      "The write offset value that you specified does not match the current object size.")                   \
    X(KEY_TOO_LONG, 400, "KeyTooLongError", "Your key is too long")                                          \
    X(KMS_NOT_FOUND, 400, "KMS.NotFoundException", "The key is not among this server's encryption keys.")    \
    X(MALFORMED_POLICY, 400, "MalformedPolicy", "This policy contains invalid Json")                         \
    X(MALFORMED_ACL, 400, "MalformedACLError",                                                               \
      "The XML you provided was not well-formed or did not validate against our published schema")           \
    X(MALFORMED_POST, 400, "MalformedPOSTRequest",                                                           \
      "The body of your POST request is not well-formed multipart/form-data.")                               \
    X(MALFORMED_TRAILER, 400, "MalformedTrailerError",                                                       \
      "The request contained trailing data that was not well-formed or did not conform to our published "    \
      "schema.")                                                                                             \
    X(MALFORMED_XML, 400, "MalformedXML",                                                                    \
      "The XML you provided was not well-formed or did not validate against our published schema")           \
    X(POST_FIELDS_TOO_LARGE, 400, "MaxPostPreDataLengthExceeded",                                            \
      "Your POST request fields preceding the upload file were too large.")                                  \
    X(MESSAGE_TOO_LONG, 400, "MaxMessageLengthExceeded", "Your request was too big.")                        \
    X(METADATA_TOO_LARGE, 400, "MetadataTooLarge",                                                           \
      "Your metadata headers exceed the maximum allowed metadata size")                                      \
    X(METHOD_NOT_ALLOWED, 405, "MethodNotAllowed",                                                           \
      "The specified method is not allowed against this resource.")                                          \
    X(MISSING_CONTENT_LENGTH, 411, "MissingContentLength",                                                   \
      "You must provide the Content-Length HTTP header.")                                                    \
    X(MISSING_REQUEST_BODY, 400, "MissingRequestBodyError", "Request Body is empty")                         \
    X(MISSING_SECURITY_HEADER, 400, "MissingSecurityHeader", "Your request was missing a required header")   \
    X(NO_CREDENTIALS, 401, "AccessDenied",                                                                   \
      "Access Denied. This takes credentials: a key or token by Basic, a token by Bearer, or a signature.")  \
    X(NO_LOGGING_STATUS_FOR_KEY, 400, "NoLoggingStatusForKey",                                               \
      "There is no such thing as the ?logging sub-resource for a key")                                       \
    X(NO_SUCH_ANNOTATION, 404, "NoSuchAnnotation", "The specified annotation does not exist.")               \
    X(NO_SUCH_BUCKET, 404, "NoSuchBucket", "The specified bucket does not exist")                            \
    X(NO_SUCH_BUCKET_POLICY, 404, "NoSuchBucketPolicy", "The bucket policy does not exist")                  \
    X(NO_SUCH_CONFIGURATION, 404, "NoSuchConfiguration", "The specified configuration does not exist.")      \
    X(NO_SUCH_CORS_CONFIGURATION, 404, "NoSuchCORSConfiguration", "The CORS configuration does not exist")   \
    X(NO_SUCH_ENCRYPTION_CONFIGURATION, 404, "ServerSideEncryptionConfigurationNotFoundError",               \
      "The server side encryption configuration was not found")                                              \
    X(NO_SUCH_KEY, 404, "NoSuchKey", "The specified key does not exist.")                                    \
    X(NO_SUCH_LIFECYCLE_CONFIGURATION, 404, "NoSuchLifecycleConfiguration",                                  \
      "The lifecycle configuration does not exist")                                                          \
    X(NO_SUCH_OBJECT_LOCK, 404, "NoSuchObjectLockConfiguration",                                             \
      "The specified object does not have a ObjectLock configuration")                                       \
    X(OBJECT_LOCKED, 403, "AccessDenied", "Access Denied because object protected by object lock.")          \
    X(NO_SUCH_OBJECT_LOCK_CONFIGURATION, 404, "ObjectLockConfigurationNotFoundError",                        \
      "Object Lock configuration does not exist for this bucket")                                            \
    X(NO_SUCH_OWNERSHIP_CONTROLS, 404, "OwnershipControlsNotFoundError",                                     \
      "The bucket ownership controls were not found")                                                        \
    X(NO_SUCH_PUBLIC_ACCESS_BLOCK, 404, "NoSuchPublicAccessBlockConfiguration",                              \
      "The public access block configuration was not found")                                                 \
    X(NO_SUCH_REPLICATION_CONFIGURATION, 404, "ReplicationConfigurationNotFoundError",                       \
      "The replication configuration was not found")                                                         \
    X(NO_SUCH_TAG_SET, 404, "NoSuchTagSet", "The TagSet does not exist")                                     \
    X(NO_SUCH_UPLOAD, 404, "NoSuchUpload",                                                                   \
      "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "      \
      "aborted or completed.")                                                                               \
    X(NOT_IMPLEMENTED, 501, "NotImplemented",                                                                \
      "A header or operation you provided implies functionality that is not implemented")                    \
    X(NOT_MODIFIED, 304, "NotModified", "Not Modified")                                                      \
    X(NOT_YET_VALID, 403, "AccessDenied", "Request is not yet valid")                                        \
    X(NO_SUCH_VERSION, 404, "NoSuchVersion", "The specified version does not exist.")                        \
    X(NO_SUCH_WEBSITE_CONFIGURATION, 404, "NoSuchWebsiteConfiguration",                                      \
      "The specified bucket does not have a website configuration")                                          \
    X(OBJECT_LOCK_MISSING, 400, "InvalidRequest", "Bucket is missing Object Lock Configuration")             \
    X(OPERATION_ABORTED, 409, "OperationAborted",                                                            \
      "A conflicting operation is currently in progress against this resource. Please try again.")           \
    X(PRECONDITION_FAILED, 412, "PreconditionFailed",                                                        \
      "At least one of the pre-conditions you specified did not hold")                                       \
    X(READ_ONLY, 403, "AccessDenied", "This server is read only.")                                           \
    X(REQUEST_EXPIRED, 403, "AccessDenied", "Request has expired")                                           \
    X(REQUEST_TIME_TOO_SKEWED, 403, "RequestTimeTooSkewed",                                                  \
      "The difference between the request time and the current time is too large.")                          \
    X(QUOTA_EXCEEDED, 403, "QuotaExceeded",                                                                  \
      "The quota of the bucket, its owner or the store has no room for this request.")                       \
    X(REQUEST_TIMEOUT, 400, "RequestTimeout",                                                                \
      "Your socket connection to the server was not read from or written to within the timeout period.")     \
    X(SERVICE_UNAVAILABLE, 503, "ServiceUnavailable", "Service is unable to handle request.")                \
    X(SIGNATURE_DOES_NOT_MATCH, 403, "SignatureDoesNotMatch",                                                \
      "The request signature we calculated does not match the signature you provided. Check your key and "   \
      "signing method.")                                                                                     \
    X(SLOW_DOWN, 503, "SlowDown", "Please reduce your request rate.")                                        \
    X(STORAGE_FULL, 507, "InsufficientStorage",                                                              \
      "There is not enough space on the server to store the object.")                                        \
    X(SYNC_FAILED, 503, "ServiceUnavailable",                                                                \
      "The server's disk failed to store something; no changes are taken until that is made good. Please "   \
      "try again.")                                                                                          \
    X(TOO_MANY_ATTEMPTS, 429, "TooManyRequests",                                                             \
      "Too many wrong credentials have come from this address. Try again later.")                            \
    X(TOO_MANY_PARTS, 400, "TooManyParts",                                                                   \
      "You have attempted to add more parts than the maximum of 10000 that are allowed for this object.")    \
    X(TOO_MANY_PIECES, 400, "TooManyParts",                                                                  \
      "The object would lie in more than 50000 pieces: what was appended to or copied in parts lies in "     \
      "many.")                                                                                               \
    X(UNEXPECTED_CONTENT, 400, "UnexpectedContent", "This request does not support content")                 \
    X(UNRESOLVABLE_GRANT, 400, "UnresolvableGrantByEmailAddress",                                            \
      "The e-mail address you provided does not match any account on record.")                               \
    X(UNSUPPORTED_MEDIA_TYPE, 415, "UnsupportedMediaType",                                                   \
      "The request payload contains an unsupported media type. The annotation payload must be valid UTF-8 "  \
      "encoded text.")                                                                                       \
    X(UPLOADS_OF_KEY, 400, "InvalidRequest", "Key is not expected for the GET method ?uploads subresource")  \
    X(USER_ANNOTATION_NAME_MISSING, 400, "UserAnnotationNameMustBeSpecified",                                \
      "You must specify a user annotation name.")                                                            \
    X(VERSIONS_OF_KEY, 400, "InvalidRequest",                                                                \
      "There is no such thing as the ?versions sub-resource for a key")                                      \
    X(WRITE_ONCE, 412, "PreconditionFailed",                                                                 \
      "The key is taken, and a bucket that is written once keeps it as it is")                               \
    X(WRONG_CREDENTIALS, 401, "AccessDenied", "Access Denied. These are nobody's credentials.")              \
    X(CONTENT_SHA256_MISMATCH, 400, "XAmzContentSHA256Mismatch",                                             \
      "The provided 'x-amz-content-sha256' header does not match what was computed.")

enum s3_error {
    S3_ERROR_NONE = 0,
#define S3_ERROR_ENUM(name, status, code, message) S3_ERROR_##name,
    S3_ERROR_MAP(S3_ERROR_ENUM)
#undef S3_ERROR_ENUM
        S3_ERROR_COUNT,
};

int s3_error_status(enum s3_error error);
const char *s3_error_code(enum s3_error error);
const char *s3_error_message(enum s3_error error);

/* The S3 error for a core result (META_E_*, errno), which is not 0: what a client may have asked for in vain has a code of its own, every
 * errno that it did not cause is InternalError. */
enum s3_error s3_error_of_result(int result);
/* The same where a body was being received, whose sender may be at fault: gone, silent, or his bytes not what they should be. */
enum s3_error s3_error_of_body(int result);
/* For a document that was not taken: the result of the XML reader, or 0 where it could be read and does not say what it has to. */
enum s3_error s3_error_of_xml(int result);

#endif
