#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""GDAL's /vsis3/: a raster is written into a bucket, read by ranges, and copied there and back."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from sluicetest import ACCESS, SECRET, Server, check, done, equal, have, ok, pattern_file, run, s3_client, scratch, sha256_file, skip

WIDTH, HEIGHT = 3000, 2000


def main():
    if not have("gdal_translate"):
        skip("GDAL", "it is not installed")
        done()
    server = Server(keys=True)
    client = s3_client(server)
    client.create_bucket(Bucket="maps")
    environment = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_S3_ENDPOINT": f"{server.host}:{server.port}", "AWS_VIRTUAL_HOSTING": "FALSE",
                   "AWS_HTTPS": "YES" if server.context else "NO", "AWS_REGION": "us-east-1", "HOME": scratch(), "VSIS3_CHUNK_SIZE": "5",
                   "CPL_VSIL_USE_TEMP_FILE_FOR_RANDOM_WRITE": "YES"}

    def gdal(*words):
        return run(words, environment, timeout=60)

    pixels, raster, back = pattern_file("raster.bin", WIDTH * HEIGHT), scratch("raster.vrt"), scratch("back.bin")
    with open(raster, "w") as out:
        out.write(f'<VRTDataset rasterXSize="{WIDTH}" rasterYSize="{HEIGHT}"><VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">'
                  f'<SourceFilename relativetoVRT="1">raster.bin</SourceFilename><ImageOffset>0</ImageOffset><PixelOffset>1</PixelOffset>'
                  f'<LineOffset>{WIDTH}</LineOffset></VRTRasterBand></VRTDataset>')
    url = "/vsis3/maps/folder/map.tif"
    ok("GDAL writes a raster", gdal("gdal_translate", "-q", "-of", "COG", "-co", "COMPRESS=DEFLATE", raster, url))
    etag = client.head_object(Bucket="maps", Key="folder/map.tif")["ETag"]
    check(etag.endswith('-2"'), "in two parts", etag)
    ok("GDAL describes it", gdal("gdalinfo", url), f"Size is {WIDTH}, {HEIGHT}")
    sums = [[line.strip() for line in gdal("gdalinfo", "-checksum", path)[1].splitlines() if "Checksum=" in line] for path in (raster, url)]
    check(sums[0] and sums[0] == sums[1], "GDAL counts the same checksum there", str(sums))
    ok("GDAL reads a window", gdal("gdal_translate", "-q", "-of", "ENVI", "-srcwin", "1000", "700", "100", "50", url, back))
    with open(pixels, "rb") as file, open(back, "rb") as got:
        whole = file.read()
        want = b"".join(whole[row * WIDTH + 1000:row * WIDTH + 1100] for row in range(700, 750))
        check(got.read() == want, "which has those pixels")
    ok("GDAL reads all of it", gdal("gdal_translate", "-q", "-of", "ENVI", url, back))
    equal(sha256_file(back), sha256_file(pixels), "all pixels are the same")
    if have("gdalmanage"):
        ok("GDAL copies it", gdal("gdalmanage", "copy", url, "/vsis3/maps/other/map.tif"))
        copied = client.get_object(Bucket="maps", Key="other/map.tif")["Body"].read()
        check(copied == client.get_object(Bucket="maps", Key="folder/map.tif")["Body"].read(), "byte for byte")
        ok("GDAL deletes the copy", gdal("gdalmanage", "delete", "/vsis3/maps/other/map.tif"))
        equal([entry["Key"] for entry in client.list_objects_v2(Bucket="maps")["Contents"]], ["folder/map.tif"], "it alone is gone")
    done()


main()
