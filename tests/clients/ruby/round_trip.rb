# frozen_string_literal: true

# SPDX-License-Identifier: MIT
# One round trip with AWS's SDK for Ruby. Prints checks as the other tests do, and runs by tests/clients/ruby_test.py.
require "aws-sdk-s3"
require "net/http"
require "stringio"

MIB = 1 << 20
LARGE = Random.new(7).bytes(17 * MIB + 5)
BUCKET = "ruby"

def check(good, name, detail = "")
  puts(good ? "ok - AWS SDK for Ruby: #{name}" : "not ok - AWS SDK for Ruby: #{name}   [#{detail.to_s.tr("\n", " ")[0, 300]}]")
end

def equal(got, want, name)
  check(got == want, name, "got #{got.inspect[0, 140]}, want #{want.inspect[0, 140]}")
end

def refused(kind, name)
  yield
  check(false, name, "it succeeded")
rescue Aws::Errors::ServiceError => e
  check(e.is_a?(kind), name, "#{e.class} #{e.message}")
end

# A plain request without keys, as who was given a URL sends it.
def visit(kind, url, body = nil)
  uri = URI(url)
  request = kind.new(uri)
  request.body = body if body
  request["content-type"] = "" if body
  answer = Net::HTTP.start(uri.host, uri.port) { |http| http.request(request) }
  [answer.code.to_i, answer.body]
end

def objects(s3, bucket)
  put = bucket.object("dir/small").put(body: "small", metadata: { "colour" => "blue" }, tagging: "a=b")
  got = bucket.object("dir/small").get
  equal([got.body.read, got.metadata, got.etag], ["small", { "colour" => "blue" }, put.etag], "an object comes back")
  %w[CRC32 SHA1 SHA256].each do |algorithm|
    stored = s3.put_object(bucket: BUCKET, key: "sum", body: StringIO.new("summed"), checksum_algorithm: algorithm)
    field = "checksum_#{algorithm.downcase}"
    equal(s3.head_object(bucket: BUCKET, key: "sum", checksum_mode: "ENABLED")[field], stored[field], "#{algorithm} is kept")
  end
  bucket.object("sum").delete
  bucket.object("copy + ü").copy_from(copy_source: "#{BUCKET}/dir/small")
  equal(bucket.object("copy + ü").get.body.read, "small", "a copy has the same bytes")
  s3.put_object_tagging(bucket: BUCKET, key: "dir/small", tagging: { tag_set: [{ key: "k", value: "v ü" }] })
  equal(s3.get_object_tagging(bucket: BUCKET, key: "dir/small").tag_set.map(&:to_h), [{ key: "k", value: "v ü" }], "tags come back")
  refused(Aws::S3::Errors::NotModified, "a reading of what did not change") { s3.get_object(bucket: BUCKET, key: "dir/small", if_none_match: put.etag) }
  refused(Aws::S3::Errors::PreconditionFailed, "a copy of what is another by now") do
    s3.copy_object(bucket: BUCKET, key: "no", copy_source: "#{BUCKET}/dir/small", copy_source_if_match: '"other"')
  end
  refused(Aws::S3::Errors::NoSuchKey, "a key that is not there") { bucket.object("nowhere").get }
end

def parts(bucket)
  large = bucket.object("large")
  large.upload_stream(part_size: 5 * MIB) { |out| out << LARGE }
  check(large.etag.end_with?('-4"'), "a stream goes up in four parts", large.etag)
  check(large.get.body.read.b == LARGE, "the parts come back as one")
  equal(large.get(range: "bytes=5242870-5242889").body.read.b, LARGE[5_242_870, 20], "a range over the end of a part")
  bucket.object("copied").copy_from(large, multipart_copy: true, content_length: LARGE.bytesize, min_part_size: 5 * MIB)
  check(bucket.object("copied").get.body.read.b == LARGE, "a copy in parts has the same bytes")
end

def listings(s3)
  names = []
  s3.list_objects_v2(bucket: BUCKET, delimiter: "/", max_keys: 1).each do |page|
    names += page.common_prefixes.map(&:prefix) + page.contents.map(&:key)
  end
  equal(names, ["copied", "copy + ü", "dir/", "large"], "a listing with a delimiter, page by page")
end

def presigned(bucket)
  object = bucket.object("by url")
  equal(visit(Net::HTTP::Put, object.presigned_url(:put, expires_in: 60), "by url")[0], 200, "a presigned PUT")
  url = object.presigned_url(:get, expires_in: 60)
  equal(visit(Net::HTTP::Get, url), [200, "by url"], "a presigned GET")
  equal(visit(Net::HTTP::Get, url.sub("by%20url", "large"))[0], 403, "for another key")
  # The SDK puts these into the query, where they mean what headers would.
  url = object.presigned_url(:put, expires_in: 60, metadata: { "by" => "url" })
  equal(visit(Net::HTTP::Put, url, "by url")[0], 200, "a presigned PUT with metadata")
  equal(object.metadata, { "by" => "url" }, "which are kept")
  form = object.presigned_post(content_length_range: 1..10)
  post = Net::HTTP::Post.new(URI(form.url))
  post.set_form(form.fields.to_a + [["file", "by form"]], "multipart/form-data")
  answer = Net::HTTP.start(URI(form.url).host, URI(form.url).port) { |http| http.request(post) }
  equal([answer.code.to_i, object.get.body.read], [204, "by form"], "a presigned form")
end

puts "# aws-sdk-s3 #{Aws::S3::GEM_VERSION}"
s3 = Aws::S3::Client.new(endpoint: ENV.fetch("SLUICE_URL"), region: "us-east-1", force_path_style: true, retry_limit: 0,
                         access_key_id: ENV.fetch("SLUICE_KEY"), secret_access_key: ENV.fetch("SLUICE_SECRET"))
begin
  s3.create_bucket(bucket: BUCKET)
  bucket = Aws::S3::Resource.new(client: s3).bucket(BUCKET)
  check(bucket.exists? && s3.list_buckets.buckets.map(&:name).include?(BUCKET), "the bucket is listed")
  objects(s3, bucket)
  parts(bucket)
  listings(s3)
  presigned(bucket)
  refused(Aws::S3::Errors::BucketNotEmpty, "a bucket that is not empty stays") { s3.delete_bucket(bucket: BUCKET) }
  bucket.objects.batch_delete!
  equal(bucket.objects.count, 0, "all are deleted")
  bucket.delete
rescue StandardError => e
  check(false, "the round trip runs to its end", "#{e.class} #{e.message} #{e.backtrace.first(3)}")
end
