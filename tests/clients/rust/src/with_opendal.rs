// SPDX-License-Identifier: MIT
//! OpenDAL.
use crate::checks::{bytes, check, env, equal, visit, Outcome, MIB};
use opendal::{services, ErrorKind, Operator};
use std::time::Duration;

fn settings() -> services::S3 {
    services::S3::default()
        .bucket("rust-opendal")
        .endpoint(&env("SLUICE_URL"))
        .region("us-east-1")
        .access_key_id(&env("SLUICE_KEY"))
        .secret_access_key(&env("SLUICE_SECRET"))
        .disable_config_load()
}

pub async fn round_trip() -> Outcome {
    let store = Operator::new(settings().checksum_algorithm("crc32c"))?;
    // With a checksum, a presigned PUT would be bound to that of an empty body.
    let signer = Operator::new(settings())?;
    let data = bytes(17 * MIB + 5);

    let put = store.write_with("dir/small", "small").content_type("x/y").user_metadata([("colour".to_string(), "blue".to_string())]).await?;
    equal(&store.read("dir/small").await?.to_vec()[..], b"small", "an object comes back");
    let stat = store.stat("dir/small").await?;
    equal((stat.content_type(), stat.content_length()), (Some("x/y"), 5), "with its type");
    equal(stat.user_metadata().and_then(|all| all.get("colour").map(str::to_string)), Some("blue".to_string()), "with its metadata");
    equal(stat.etag(), put.etag(), "with the ETag that was told");

    let mut writer = store.writer_with("large").chunk(5 * MIB).concurrent(3).await?;
    for piece in data.chunks(MIB) {
        writer.write(piece.to_vec()).await?;
    }
    writer.close().await?;
    let stat = store.stat("large").await?;
    check(stat.etag().is_some_and(|tag| tag.ends_with("-4\"")), "an upload in four parts", &stat);
    check(store.read("large").await?.to_vec() == data, "the parts come back as one", ());
    let piece = store.read_with("large").range(5242870..5242890).await?;
    equal(&piece.to_vec()[..], &data[5242870..5242890], "a range over the end of a part");

    let mut names: Vec<String> = store.list("").await?.iter().map(|entry| entry.path().to_string()).filter(|path| path != "/").collect();
    names.sort();
    equal(names, vec!["dir/".to_string(), "large".to_string()], "a listing with a delimiter");

    let create = store.write_with("dir/small", "").if_not_exists(true).await;
    check(create.as_ref().is_err_and(|e| e.kind() == ErrorKind::ConditionNotMatch), "a creation of what is there", create);
    let tag = put.etag().unwrap_or_default();
    store.write_with("dir/small", "other").if_match(tag).await?;
    let late = store.write_with("dir/small", "third").if_match(tag).await;
    check(late.as_ref().is_err_and(|e| e.kind() == ErrorKind::ConditionNotMatch), "an update of a version that is gone", late);

    store.copy("dir/small", "copy + ü").await?;
    equal(&store.read("copy + ü").await?.to_vec()[..], b"other", "a copy has the same bytes");

    let minute = Duration::from_secs(60);
    let signed = signer.presign_write("by url", minute).await?;
    let (status, answer) = visit("PUT", &signed.uri().to_string(), "by url").await;
    check(status == 200, "a presigned PUT", (answer, signed));
    let signed = signer.presign_read("by url", minute).await?;
    let url = signed.uri().to_string();
    equal(visit("GET", &url, "").await, (200, "by url".to_string()), "a presigned GET");
    equal(visit("GET", &url.replace("by%20url", "large"), "").await.0, 403, "for another key");

    let missing = store.read("nowhere").await;
    check(missing.as_ref().is_err_and(|e| e.kind() == ErrorKind::NotFound), "a key that is not there", missing.err());
    store.delete_with("").recursive(true).await?;
    let left = store.list_with("").recursive(true).await?;
    equal(left.iter().filter(|entry| entry.path() != "/").count(), 0, "all are deleted");
    Ok(())
}
