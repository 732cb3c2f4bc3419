// SPDX-License-Identifier: MIT
//! object_store, the client below DataFusion, Delta Lake, LanceDB and polars.
use crate::checks::{bytes, check, env, equal, visit, Outcome, MIB};
use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, Checksum, S3ConditionalPut, S3CopyIfNotExists};
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use object_store::{
    Attribute, Attributes, Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig, TagSet, UpdateVersion, WriteMultipart,
};
use std::time::Duration;

pub async fn round_trip() -> Outcome {
    let store = AmazonS3Builder::new()
        .with_endpoint(env("SLUICE_URL"))
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name("rust-object-store")
        .with_access_key_id(env("SLUICE_KEY"))
        .with_secret_access_key(env("SLUICE_SECRET"))
        .with_checksum_algorithm(Checksum::SHA256)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_copy_if_not_exists(S3CopyIfNotExists::Multipart)
        .with_retry(RetryConfig { max_retries: 0, ..Default::default() })
        .build()?;
    let small = Path::from("dir/small");
    let large = Path::from("large");
    let copy = Path::from("copy + ü");
    let data = bytes(17 * MIB + 5);

    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, "x/y".into());
    attributes.insert(Attribute::Metadata("colour".into()), "blue".into());
    let mut tags = TagSet::default();
    tags.push("a", "b c");
    let put = store.put_opts(&small, "small".into(), PutOptions { attributes, tags, ..Default::default() }).await?;
    let got = store.get(&small).await?;
    equal(got.attributes.get(&Attribute::Metadata("colour".into())).map(|v| v.to_string()), Some("blue".into()), "metadata come back");
    equal(got.attributes.get(&Attribute::ContentType).map(|v| v.to_string()), Some("x/y".into()), "the type comes back");
    equal(got.meta.e_tag.clone(), put.e_tag.clone(), "the ETag is the one that was told");
    equal(&got.bytes().await?[..], b"small", "an object comes back");

    let minute = Duration::from_secs(60);
    let options = SignedUrlOptions::default().with_query([("tagging", "")]);
    let url = store.signed_url_opts(Method::GET, &small, minute, &options).await?;
    let (status, answer) = visit("GET", url.as_str(), "").await;
    check(status == 200 && answer.contains("<Key>a</Key><Value>b c</Value>"), "tags come back, by a presigned URL", answer);

    let mut upload = WriteMultipart::new_with_chunk_size(store.put_multipart(&large).await?, 5 * MIB);
    for piece in data.chunks(MIB) {
        upload.wait_for_capacity(3).await?;
        upload.write(piece);
    }
    let done = upload.finish().await?;
    check(done.e_tag.as_deref().is_some_and(|tag| tag.ends_with("-4\"")), "an upload in four parts", &done);
    check(store.get(&large).await?.bytes().await? == data, "the parts come back as one", ());
    let middle = 5242870..5242890u64;
    let ranges = store.get_ranges(&large, &[middle.clone(), 17 * MIB as u64..17 * MIB as u64 + 5]).await?;
    equal(&ranges[0][..], &data[middle.start as usize..middle.end as usize], "a range over the end of a part");
    equal(&ranges[1][..], &data[17 * MIB..], "a range up to the end");

    let listed = store.list_with_delimiter(None).await?;
    equal(listed.common_prefixes.iter().map(|p| p.to_string()).collect(), vec!["dir".to_string()], "a listing with a delimiter: prefixes");
    equal(listed.objects.iter().map(|o| (o.location.to_string(), o.size)).collect(), vec![("large".to_string(), data.len() as u64)], "and objects");

    let create = store.put_opts(&small, "".into(), PutMode::Create.into()).await;
    check(matches!(create, Err(Error::AlreadyExists { .. })), "a creation of what is there", create);
    let version = UpdateVersion { e_tag: put.e_tag.clone(), version: None };
    store.put_opts(&small, "other".into(), PutMode::Update(version.clone()).into()).await?;
    let late = store.put_opts(&small, "third".into(), PutMode::Update(version).into()).await;
    check(matches!(late, Err(Error::Precondition { .. })), "an update of a version that is gone", late);
    let unchanged = store.head(&small).await?;
    let cached = store.get_opts(&small, GetOptions { if_none_match: unchanged.e_tag, ..Default::default() }).await;
    check(matches!(cached, Err(Error::NotModified { .. })), "a reading of what did not change", cached.err());

    store.copy(&small, &copy).await?;
    equal(&store.get(&copy).await?.bytes().await?[..], b"other", "a copy has the same bytes");
    let again = store.copy_if_not_exists(&large, &copy).await;
    check(matches!(again, Err(Error::AlreadyExists { .. })), "a copy onto what is there", again);
    store.copy_if_not_exists(&small, &Path::from("copy 2")).await?;
    equal(&store.get(&Path::from("copy 2")).await?.bytes().await?[..], b"other", "a copy onto what is not");

    let by_url = Path::from("by url");
    let url = store.signed_url(Method::PUT, &by_url, minute).await?;
    equal(visit("PUT", url.as_str(), "by url").await.0, 200, "a presigned PUT");
    let url = store.signed_url(Method::GET, &by_url, minute).await?;
    equal(visit("GET", url.as_str(), "").await, (200, "by url".to_string()), "a presigned GET");
    equal(visit("GET", &url.as_str().replace("by%20url", "large"), "").await.0, 403, "for another key");

    let missing = store.get(&Path::from("nowhere")).await;
    check(matches!(missing, Err(Error::NotFound { .. })), "a key that is not there", missing.err());
    let all = store.list(None).map_ok(|object| object.location).boxed();
    let deleted: Vec<Path> = store.delete_stream(all).try_collect().await?;
    equal(deleted.len(), 5, "all are deleted at once");
    equal(store.list(None).count().await, 0, "and nothing is left");
    Ok(())
}
