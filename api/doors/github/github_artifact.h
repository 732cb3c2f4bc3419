/* SPDX-License-Identifier: MIT
 *
 * GitHub's service for artifacts, version 4: files that a job of a run leaves to others of that run, and to people. Its calls are those of
 * github.h's kind, uploads and URLs the cache's:
 *
 *      CreateArtifact -> upload URL -> blocks, a list of them -> FinalizeArtifact      the artifact is there, and has the hash that was told
 *      ListArtifacts, GetSignedArtifactURL -> download URL -> bytes, DeleteArtifact
 *
 * An artifact is an object, PREFIX -/artifacts/ SCOPE/-/RUN/NAME: a name is given once in a run. Its job, and when it is to go, are metadata of
 * that object, its digest the object's checksum, and its number is that of the upload that it was made by.
 *
 *      github_artifact.c          the calls              github_artifact_list.c     what a run has
 *      github_artifact_json.c     messages as JSON       github_artifact_wire.c     and as protobuf */
#ifndef API_DOORS_GITHUB_GITHUB_ARTIFACT_H
#define API_DOORS_GITHUB_GITHUB_ARTIFACT_H

#include "api/core/expires.h"
#include "api/doors/github/github.h"

#define GITHUB_ARTIFACT_AREA "-/artifacts/"
#define GITHUB_ARTIFACT_JOB  "x-amz-meta-sluice-job"

enum github_artifact_call {
    GITHUB_ARTIFACT_CREATE,
    GITHUB_ARTIFACT_FINALIZE,
    GITHUB_ARTIFACT_LIST,
    GITHUB_ARTIFACT_URL,
    GITHUB_ARTIFACT_DELETE,
    GITHUB_ARTIFACT_CALLS
};

/* What a call says; base NULL: it does not. Texts point into the body, or are of the arena. */
struct github_artifact_message {
    struct slice run, job, name; /* name: also the one that a list is about */
    struct slice type, hash;
    int64_t expires_ms; /* INT64_MAX: it does not say */
    uint64_t size, id;
    bool has_size, has_id;
};

struct github_artifact_entry {
    struct slice run, job, name, digest; /* the latter: "sha256:...", or base NULL */
    uint64_t id, size;
    int64_t created_ms;
};

struct github_artifact_answer {
    bool ok;                                  /* of Create, Finalize and Delete */
    struct slice url;                         /* of Create and URL */
    uint64_t id;                              /* of Finalize and Delete */
    const struct github_artifact_entry *list; /* of List */
    unsigned count;
};

/* 0, -EBADMSG. */
int github_artifact_read_json(struct arena *arena, struct slice text,
                              struct github_artifact_message *message);
int github_artifact_read_wire(enum github_artifact_call call, struct slice bytes,
                              struct github_artifact_message *message);
/* In the arena. base NULL: no memory. */
struct slice github_artifact_json(struct arena *arena, enum github_artifact_call call,
                                  const struct github_artifact_answer *answer);
struct slice github_artifact_wire(struct arena *arena, enum github_artifact_call call,
                                  const struct github_artifact_answer *answer);

/* A call on its way; github_request.artifact. */
struct github_artifact {
    enum github_artifact_call what;
    struct github_artifact_message message;
};

/* The name of a call, whose form is known. */
enum s3_door_way github_artifact_enter(struct github_request *github, struct slice name);
/* Each answers. */
void github_artifact_serve(struct github_request *github, struct slice body);
void github_artifact_send(struct github_request *github, const struct github_artifact_answer *answer);
void github_artifact_list(struct github_request *github);

/* The key of that name in the scope of that number; base NULL: it is too long. */
struct slice github_artifact_key(const struct github_request *github, unsigned scope, struct slice name);
/* Its number, by the upload that it was made by: later ones have higher ones, and clients that keep numbers as doubles keep them whole. */
uint64_t github_artifact_id(const unsigned char upload[GITHUB_UPLOAD_ID_BYTES]);

#endif
