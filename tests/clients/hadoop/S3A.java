// SPDX-License-Identifier: MIT

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileRange;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.fs.s3a.commit.magic.MagicS3GuardCommitter;
import org.apache.hadoop.mapreduce.JobID;
import org.apache.hadoop.mapreduce.TaskAttemptContext;
import org.apache.hadoop.mapreduce.TaskAttemptID;
import org.apache.hadoop.mapreduce.TaskID;
import org.apache.hadoop.mapreduce.TaskType;
import org.apache.hadoop.mapreduce.task.TaskAttemptContextImpl;
import org.apache.hadoop.util.VersionInfo;

/** Hadoop's S3A as a file system, and a job by the magic committer. Runs by tests/clients/hadoop_test.py; its one argument is the bucket. */
final class S3A {
    private static final int MIB = 1 << 20;
    private final FileSystem files;
    private final Configuration settings;
    private final Path root;
    private final byte[] large = new byte[17 * MIB + 5];

    private interface Call {
        void run() throws Exception;
    }

    private S3A(Configuration settings, String bucket) throws IOException {
        this.settings = settings;
        root = new Path("s3a://" + bucket + "/");
        files = FileSystem.get(URI.create(root.toString()), settings);
        new Random(7).nextBytes(large);
    }

    private static void check(boolean good, String name, Object detail) {
        String said = String.valueOf(detail).replace('\n', ' ');
        System.out.println(good ? "ok - Hadoop S3A: " + name : "not ok - Hadoop S3A: " + name + "   [" + said.substring(0, Math.min(said.length(), 400)) + "]");
    }

    private static void refused(Class<? extends Exception> kind, String name, Call call) {
        try {
            call.run();
            check(false, name, "it succeeded");
        } catch (Exception error) {
            check(kind.isInstance(error), name, error);
        }
    }

    /** One that stops half-way leaves the others to run. */
    private static void part(String name, Call call) {
        try {
            call.run();
        } catch (Exception error) {
            check(false, name + " runs to its end", error + " " + Arrays.toString(error.getStackTrace()));
        }
    }

    private void write(Path path, byte[] data, boolean overwrite) throws IOException {
        try (FSDataOutputStream out = files.create(path, overwrite)) {
            out.write(data);
        }
    }

    /** S3A asks nothing before: If-None-Match decides, when the file is closed. */
    private void create(Path path, byte[] data) throws IOException {
        try (FSDataOutputStream out = (FSDataOutputStream) files.createFile(path).overwrite(true).recursive()
            .opt("fs.option.create.conditional.overwrite", true).build()) {
            out.write(data);
        }
    }

    private byte[] read(Path path) throws IOException {
        try (FSDataInputStream in = files.open(path)) {
            return in.readAllBytes();
        }
    }

    private List<String> names(Path path) throws IOException {
        List<String> found = new ArrayList<>();
        for (FileStatus status : files.listStatus(path))
            found.add(status.getPath().getName() + (status.isDirectory() ? "/" : ""));
        found.sort(null);
        return found;
    }

    private void fileSystem() throws Exception {
        Path folder = new Path(root, "folder"), small = new Path(folder, "small + ü"), big = new Path(folder, "deep/large");
        check(files.mkdirs(folder) && files.getFileStatus(folder).isDirectory(), "a folder is made", "");
        write(small, "small".getBytes(), false);
        check(Arrays.equals(read(small), "small".getBytes()), "a file comes back", "");
        refused(FileAlreadyExistsException.class, "a file that is there is not made anew", () -> write(small, new byte[0], false));
        write(small, "other".getBytes(), true);
        check(Arrays.equals(read(small), "other".getBytes()), "unless that is asked for", "");
        refused(IOException.class, "a conditional creation of what is there", () -> create(small, "third".getBytes()));
        check(Arrays.equals(read(small), "other".getBytes()), "leaves it", "");
        create(big, large);
        refused(IOException.class, "in parts, too", () -> create(big, large));
        check(files.getFileStatus(big).getLen() == large.length && Arrays.equals(read(big), large), "a file in parts comes back as one", "");
        try (FSDataInputStream in = files.open(big)) {
            byte[] piece = new byte[20];
            in.readFully(5242870, piece);
            check(Arrays.equals(piece, Arrays.copyOfRange(large, 5242870, 5242890)), "a range over the end of a part", "");
            List<FileRange> ranges = List.of(FileRange.createFileRange(10, 100), FileRange.createFileRange(9 * MIB, 2 * MIB),
                FileRange.createFileRange(large.length - 7, 7));
            in.readVectored(ranges, ByteBuffer::allocate);
            for (FileRange range : ranges) {
                byte[] got = new byte[range.getLength()];
                range.getData().get(30, TimeUnit.SECONDS).get(got);
                int at = (int) range.getOffset();
                check(Arrays.equals(got, Arrays.copyOfRange(large, at, at + got.length)), "a vectored reading at " + at, "");
            }
        }
        check(names(folder).equals(List.of("deep/", "small + ü")), "a listing of a folder", names(folder));
        Path moved = new Path(root, "moved");
        check(files.rename(folder, moved), "a folder is renamed", "");
        refused(FileNotFoundException.class, "the old name is gone", () -> files.getFileStatus(folder));
        int count = 0;
        for (RemoteIterator<LocatedFileStatus> all = files.listFiles(moved, true); all.hasNext(); count++)
            all.next();
        check(count == 2 && Arrays.equals(read(new Path(moved, "deep/large")), large), "all is below the new name", count);
        refused(IOException.class, "a folder that is not empty stays", () -> files.delete(moved, false));
        check(files.delete(moved, true) && !files.exists(moved), "a tree is deleted", "");
    }

    private TaskAttemptContext attempt(int task, int number) {
        JobID job = new JobID("202611290000", 1);
        settings.set("mapreduce.job.id", job.toString());
        settings.setInt("mapreduce.job.application.attempt.id", 1);
        return new TaskAttemptContextImpl(settings, new TaskAttemptID(new TaskID(job, TaskType.REDUCE, task), number));
    }

    /** Each task's files are uploads that only the commit of the job completes. */
    private void magicCommitter() throws Exception {
        Path output = new Path(root, "output");
        TaskAttemptContext[] attempts = {attempt(0, 0), attempt(1, 0), attempt(1, 1)};
        MagicS3GuardCommitter first = new MagicS3GuardCommitter(output, attempts[0]);
        first.setupJob(attempts[0]);
        for (int i = 0; i < attempts.length; i++) {
            MagicS3GuardCommitter committer = new MagicS3GuardCommitter(output, attempts[i]);
            committer.setupTask(attempts[i]);
            Path part = new Path(committer.getWorkPath(), "part-0000" + attempts[i].getTaskAttemptID().getTaskID().getId());
            write(part, i == 0 ? large : ("attempt " + i).getBytes(), true);
            check(!files.exists(new Path(output, part.getName())), "attempt " + i + " is not to be seen before its job is committed", "");
            check(committer.needsTaskCommit(attempts[i]), "attempt " + i + " has something to commit", "");
            if (i == 1)
                committer.abortTask(attempts[i]);
            else
                committer.commitTask(attempts[i]);
        }
        check(!files.exists(new Path(output, "part-00000")), "nor after its task is", "");
        first.commitJob(attempts[0]);
        check(names(output).equals(List.of("_SUCCESS", "part-00000", "part-00001")), "the committed job has its files, and no more", names(output));
        check(Arrays.equals(read(new Path(output, "part-00000")), large), "a part of many megabytes is whole", "");
        check(new String(read(new Path(output, "part-00001"))).equals("attempt 2"), "the attempt that was aborted left nothing", "");
        check(new String(read(new Path(output, "_SUCCESS"))).contains("\"magic\""), "the job says that the committer was the magic one", "");
        check(files.delete(output, true), "the output is deleted", "");
    }

    public static void main(String[] arguments) {
        System.out.println("# Hadoop " + VersionInfo.getVersion());
        Configuration settings = new Configuration();
        settings.set("fs.s3a.endpoint", System.getenv("SLUICE_URL"));
        settings.set("fs.s3a.endpoint.region", "us-east-1");
        settings.set("fs.s3a.path.style.access", "true");
        settings.set("fs.s3a.connection.ssl.enabled", "false");
        settings.set("fs.s3a.aws.credentials.provider", "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider");
        settings.set("fs.s3a.access.key", System.getenv("SLUICE_KEY"));
        settings.set("fs.s3a.secret.key", System.getenv("SLUICE_SECRET"));
        settings.set("fs.s3a.bucket.probe", "2"); // asks for the bucket when it starts
        settings.set("fs.s3a.multipart.size", "5M");
        settings.set("fs.s3a.multipart.threshold", "5M");
        settings.set("fs.s3a.fast.upload.buffer", "bytebuffer");
        settings.set("fs.s3a.attempts.maximum", "1");
        settings.set("fs.s3a.retry.limit", "1");
        settings.set("fs.s3a.committer.name", "magic");
        settings.set("hadoop.tmp.dir", System.getenv("HOME"));
        part("the client", () -> {
            S3A client = new S3A(settings, arguments[0]);
            part("the file system", client::fileSystem);
            part("the magic committer", client::magicCommitter);
            client.files.close();
        });
        System.exit(0); // whatever threads the client keeps
    }
}
