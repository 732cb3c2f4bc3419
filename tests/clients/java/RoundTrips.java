// SPDX-License-Identifier: MIT

/** One round trip with each version of AWS's SDK for Java that pom.xml pins. Runs by tests/clients/java_test.py. */
final class RoundTrips {
    private RoundTrips() {
    }

    public static void main(String[] arguments) {
        System.out.println("# " + software.amazon.awssdk.core.util.VersionInfo.SDK_VERSION + ", " + com.amazonaws.util.VersionInfoUtils.getVersion());
        Checks.roundTrip("AWS SDK for Java 2", new VersionTwo()::run);
        Checks.roundTrip("AWS SDK for Java 1", new VersionOne()::run);
        System.exit(0); // whatever threads the clients keep
    }
}
