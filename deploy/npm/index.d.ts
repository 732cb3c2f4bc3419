// SPDX-License-Identifier: MIT
export interface StartOptions {
  /** Buckets to make. */
  buckets?: string[];
  /** "us-east-1" */
  region?: string;
  /** Further arguments of `sluice serve`. */
  arguments?: string[];
}

export interface Faults {
  fail: number;
  slow: number;
  cut: number;
}

export interface Server {
  readonly url: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  readonly environment: Record<string, string>;
  /** For `new S3Client(...)` of @aws-sdk/client-s3. */
  readonly clientConfig: { endpoint: string; region: string; forcePathStyle: true; credentials: { accessKeyId: string; secretAccessKey: string } };
  /** So many requests to come are answered with that status (503), and do nothing. */
  fail(requests?: number, status?: number): Promise<void>;
  /** So many requests to come begin so much later. */
  slow(requests: number, milliseconds: number): Promise<void>;
  /** Of so many uploads and downloads to come, the connection is cut when so many bytes of the body have passed. */
  cut(requests?: number, after?: number): Promise<void>;
  faultsLeft(): Promise<Faults>;
  noFaults(): Promise<void>;
  stop(): Promise<void>;
}

export function start(options?: StartOptions): Promise<Server>;
/** The path of the program. */
export function programPath(): string;
