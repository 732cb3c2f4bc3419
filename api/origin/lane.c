/* SPDX-License-Identifier: MIT
 *
 * See lane.h. In order: the request; the body as it comes; heads; what a failure means to who waits. */
#include "api/origin/lane.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/origin/store.h"

/* A fetch under way. */
struct fetching {
    struct origin_lane *lane;
    struct origin_flight *flight;
    struct origin_store store;
    struct origin_answer answer;
    bool has_begun; /* the head has been judged, and the store begun */
    bool is_ours;   /* it failed because of what happens here */
    char *why;
};

/* ---- The request ---- */

static struct client_request *ask(struct origin_lane *lane, const struct origin_flight *flight)
{
    const struct origin_target *target = lane->options->target;
    const char *bucket = target->bucket != NULL ? target->bucket : flight->bucket_name;
    struct slice prefix = slice_text(target->prefix != NULL ? target->prefix : "");
    struct arena *arena = &lane->session->arena;
    struct client_request *request;
    struct slice key, chain;

    /* Beginning forgets what is in the arena: so it is begun twice. */
    (void)client_session_begin(lane->session, "GET", bucket, NULL);
    key = arena_concat(arena, prefix, flight->key);
    request = &lane->session->request;
    client_request_begin(request, arena, flight->is_head ? "HEAD" : "GET", bucket, key.base);
    client_request_address(request, &target->client);
    client_request_header(request, "x-amz-checksum-mode", "ENABLED");
    chain = arena_concat(arena, flight->chain, flight->chain.len > 0 ? SLICE(" ") : SLICE(""),
                         slice_text(lane->options->id));
    client_request_header(request, S3_FETCH_CHAIN_HEADER, chain.base);
    return request;
}

/* ---- The body as it comes ---- */

static void on_grew(void *ctx, uint64_t written)
{
    origin_flight_grew(((struct fetching *)ctx)->flight, written);
}

/* Who waits reads it as it comes, where there is a file for that; what is small, or encrypted here, is waited for. */
static void offer(struct fetching *fetching)
{
    struct origin_flight *flight = fetching->flight;
    int fd;

    /* Without an ETag of the origin's it gets one of ours at the end; without a time, that of its end. */
    if (fetching->answer.object.etag[0] == '\0' || fetching->answer.object.modified_ms == 0 ||
        (fd = origin_store_follow(&fetching->store)) < 0)
        return;
    fetching->store.grew = on_grew;
    fetching->store.ctx = fetching;
    flight->object = fetching->answer.object;
    origin_flight_comes(flight, fd);
}

static int begin_store(struct fetching *fetching)
{
    struct origin_lane *lane = fetching->lane;
    struct origin_flight *flight = fetching->flight;
    int err = origin_answer_read(&flight->arena, &lane->session->answer,
                                 lane->options->target->etags_are_opaque, &fetching->answer, fetching->why);

    if (err != 0)
        return err;
    fetching->has_begun = true;
    err = origin_store_begin(&fetching->store, lane->worker, flight->bucket, flight->key,
                             flight->bucket_owner, &fetching->answer);
    fetching->is_ours = err != 0;
    if (err == 0)
        offer(fetching);
    return err;
}

/* A client_sink_fn. */
static int on_piece(void *ctx, const void *data, size_t length)
{
    struct fetching *fetching = ctx;
    int err = fetching->has_begun ? 0 : begin_store(fetching);

    if (err == 0 && (err = origin_store_write(&fetching->store, data, length)) != 0)
        fetching->is_ours = err != -EMSGSIZE;
    return err;
}

static int fetch_whole(struct fetching *fetching)
{
    struct client_session *session = fetching->lane->session;
    int err;

    (void)ask(fetching->lane, fetching->flight);
    /* The sink reads the head while the answer is still coming: its status is known when the first byte is. */
    err = client_session_call(session, on_piece, fetching);
    if (err == 0 && !fetching->has_begun)
        err = begin_store(fetching); /* an object of no bytes */
    if (err == 0 && (err = origin_store_commit(&fetching->store, fetching->why)) != 0)
        fetching->is_ours = err != -EBADMSG;
    if (fetching->has_begun)
        origin_store_end(&fetching->store);
    return err;
}

/* ---- Heads ---- */

static int fetch_head(struct fetching *fetching)
{
    struct client_session *session = fetching->lane->session;
    struct origin_flight *flight = fetching->flight;
    int err;

    (void)ask(fetching->lane, flight);
    if ((err = client_session_call(session, NULL, NULL)) != 0)
        return err;
    err = origin_answer_read(&flight->arena, &session->answer,
                             fetching->lane->options->target->etags_are_opaque, &fetching->answer,
                             fetching->why);
    flight->object = fetching->answer.object;
    return err;
}

/* ---- What a failure means to who waits ---- */

static bool is_no_bucket(const struct client_session *session)
{
    return strcmp(session->code, "NoSuchBucket") == 0;
}

static int result_of(const struct fetching *fetching, int err)
{
    const struct client_session *session = fetching->lane->session;

    if (err == 0 || err == -ECANCELED || fetching->is_ours)
        return err;
    if (err == -ENOENT && session->answer.status == 404 && !is_no_bucket(session))
        return META_E_NO_KEY;
    return -EHOSTUNREACH;
}

int origin_lane_fetch(struct origin_lane *lane, struct origin_flight *flight, char why[ORIGIN_WHY_BYTES])
{
    struct fetching fetching = {.lane = lane, .flight = flight, .why = why};
    int err, result;

    why[0] = '\0';
    err = flight->is_head ? fetch_head(&fetching) : fetch_whole(&fetching);
    result = result_of(&fetching, err);
    if (result != 0 && result != META_E_NO_KEY && why[0] == '\0')
        (void)snprintf(why, ORIGIN_WHY_BYTES, "%s",
                       fetching.is_ours || lane->session->why[0] == '\0' ? meta_strerror(err)
                                                                         : lane->session->why);
    return result;
}

int origin_lane_open(struct origin_lane *lane, const struct origin_flights_options *options,
                     const atomic_bool *cancelled)
{
    int err;

    *lane = (struct origin_lane){.options = options};
    if ((err = core_worker_create(options->core, &lane->worker)) != 0)
        return err;
    return client_session_open(&lane->session, &options->target->client, &options->figures->bytes, cancelled);
}

void origin_lane_close(struct origin_lane *lane)
{
    client_session_close(lane->session);
    core_worker_destroy(lane->worker);
}
