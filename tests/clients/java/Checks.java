// SPDX-License-Identifier: MIT

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;

/** What the round trips share: checks that print one line each, as the other tests do; reproducible bytes; plain requests. */
final class Checks {
    static final int MIB = 1 << 20;
    static final String URL = System.getenv("SLUICE_URL");
    static final String KEY = System.getenv("SLUICE_KEY");
    static final String SECRET = System.getenv("SLUICE_SECRET");
    static final byte[] LARGE = bytes(17 * MIB + 5);
    private static String label = "";

    private Checks() {
    }

    interface Call {
        void run() throws Exception;
    }

    static void check(boolean good, String name, Object detail) {
        String said = String.valueOf(detail).replace('\n', ' ');
        System.out.println(good ? "ok - " + label + ": " + name
            : "not ok - " + label + ": " + name + "   [" + said.substring(0, Math.min(said.length(), 300)) + "]");
    }

    static void equal(Object got, Object want, String name) {
        check(Objects.equals(got, want), name, "got " + got + ", want " + want);
    }

    static void same(byte[] got, byte[] want, String name) {
        check(Arrays.equals(got, want), name, got.length + " bytes, want " + want.length);
    }

    /** The call fails with an exception that says the word. */
    static void refused(String word, String name, Call call) {
        try {
            call.run();
            check(false, name, "it succeeded");
        } catch (Exception error) {
            check(error.toString().contains(word), name, error);
        }
    }

    static byte[] bytes(int length) {
        byte[] data = new byte[length];
        new Random(7).nextBytes(data);
        return data;
    }

    /** A plain request without keys, as who was given a URL sends it: status and body. */
    static List<Object> visit(String method, String url, String body, Map<String, List<String>> headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url)).method(method,
            body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body));
        headers.forEach((name, values) -> {
            if (!name.equalsIgnoreCase("host"))
                values.forEach(value -> request.header(name, value));
        });
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
        return List.of(answer.statusCode(), answer.body());
    }

    /** Runs one client's round trip; one that stops half-way leaves the others to run. */
    static void roundTrip(String name, Call call) {
        label = name;
        try {
            call.run();
        } catch (Exception error) {
            check(false, "the round trip runs to its end", error + " " + Arrays.toString(error.getStackTrace()));
        }
    }
}
