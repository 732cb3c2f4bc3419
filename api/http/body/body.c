/* SPDX-License-Identifier: MIT
 *
 * Receiving a body: from the socket through two framings into the handler's sink. On the connection's worker.
 *
 *      socket -> [transfer framing: length or chunked [coding: aws-chunked ... [payload]]] -> sink
 *
 * Framing bytes are read into the connection's input, exactly as many as the framing asks for; payload is
 * spliced by the sink and never seen here. Payload that came along in the input (after the head, or after a
 * wrong guess of a framing) is written to the sink first. A sink that cannot splice, or the server's copy
 * mode, gets everything by write.
 *
 * While a long run of payload comes in, SO_RCVLOWAT makes the kernel gather a large piece before it wakes us.
 * It is never set to more than the run still holds; for a client that is too slow to fill it, it is given up. */
#include "api/http/connection.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Results of body_advance beside negative errnos. */
enum { BODY_MOVED = 0, BODY_IS_COMPLETE = 1 };

void body_begin(struct connection *conn)
{
    int lowat_bytes = conn->body.lowat_bytes; /* a property of the socket */

    assert(lowat_bytes == 0);
    conn->body = (struct body){.state = BODY_NONE, .lowat_is_useful = true};
}

bool body_is_over(const struct connection *conn)
{
    const struct framing *transfer = conn->body.transfer;

    return conn->body.state == BODY_NONE && (transfer == NULL || transfer->ops->done(transfer));
}

/* ---- SO_RCVLOWAT ---- */

static void body_set_lowat(struct connection *conn, int bytes)
{
    int value = bytes != 0 ? bytes : 1;

    if (conn->body.lowat_bytes == bytes)
        return;
    /* Failing costs efficiency at most, on a socket that is connected; and this one may not be. */
    (void)setsockopt(connection_fd(conn), SOL_SOCKET, SO_RCVLOWAT, &value, sizeof(value));
    conn->body.lowat_bytes = bytes;
}

/* run: payload bytes that come without a framing byte between them. */
static void body_choose_lowat(struct connection *conn, uint64_t run)
{
    bool is_long = run >= 2ull * HTTP_BODY_LOWAT_BYTES && conn->body.lowat_is_useful;

    if (is_long && conn->body.lowat_bytes == 0)
        conn->is_readable = false; /* the poll tells when so much is here */
    body_set_lowat(conn, is_long ? (int)HTTP_BODY_LOWAT_BYTES : 0);
}

/* After a readiness at least SO_RCVLOWAT bytes are there, in however many moves the sink takes them. Once
 * they are moved, the next large piece is waited for. */
static void body_pace(struct connection *conn, size_t moved)
{
    conn->body.moved_since_ready += moved;
    if (conn->body.lowat_bytes == 0 || conn->body.moved_since_ready < (size_t)conn->body.lowat_bytes)
        return;
    conn->body.moved_since_ready = 0;
    conn->is_readable = false;
}

/* ---- Framing ---- */

static ssize_t body_receive_framing(struct connection *conn, size_t max, size_t *budget)
{
    ssize_t count;

    body_set_lowat(conn, 0);
    if (*budget == 0)
        return -EAGAIN;
    count = connection_receive(conn, max);
    if (count == 0)
        return -ECONNRESET;
    if (count > 0)
        *budget -= (size_t)count < *budget ? (size_t)count : *budget;
    return count;
}

/* Feeds framing with bytes of the input, at most limit of them; receives some if there are none. */
static ssize_t body_feed(struct connection *conn, struct framing *framing, uint64_t limit, size_t *budget)
{
    h2o_buffer_t *input = connection_input(conn);
    size_t length;
    ssize_t count;

    if (input->size == 0) {
        size_t hint = framing->ops->hint(framing);

        assert(hint > 0);
        if ((count = body_receive_framing(conn, hint < limit ? hint : (size_t)limit, budget)) < 0)
            return count;
        input = connection_input(conn);
    }
    length = input->size < limit ? input->size : (size_t)limit;
    count = framing->ops->feed(framing, input->bytes, length);
    if (count > 0) {
        assert((size_t)count <= length);
        connection_consume(conn, (size_t)count);
    }
    return count;
}

static int body_feed_transfer(struct connection *conn, size_t *budget)
{
    ssize_t count = body_feed(conn, conn->body.transfer, UINT64_MAX, budget);

    return count < 0 ? (int)count : BODY_MOVED;
}

/* The coding's framing bytes are payload of the transfer framing. */
static int body_feed_coding(struct connection *conn, uint64_t run, size_t *budget)
{
    struct framing *transfer = conn->body.transfer;
    ssize_t count = body_feed(conn, conn->body.coding, run, budget);

    if (count < 0)
        return (int)count;
    if (count == 0 && conn->body.coding->ops->done(conn->body.coding))
        return -EBADMSG; /* bytes after the end of the coding */
    return transfer->ops->take(transfer, (uint64_t)count);
}

/* ---- Payload ---- */

static int body_take(struct connection *conn, uint64_t count)
{
    struct framing *transfer = conn->body.transfer, *coding = conn->body.coding;
    int err = transfer->ops->take(transfer, count);

    if (err == 0 && coding != NULL)
        err = coding->ops->take(coding, count);
    return err;
}

/* A handler that answers from inside its sink finds the connection closing: where the stream stands is not
 * known then. */
static ssize_t body_sink_write(struct connection *conn, const void *data, size_t length)
{
    ssize_t count;

    conn->body.is_in_sink = true;
    count = conn->body.sink->write(conn->body.sink, data, length);
    conn->body.is_in_sink = false;
    assert(count != 0 && count <= (ssize_t)length);
    return count;
}

static int body_write_input(struct connection *conn, uint64_t run)
{
    h2o_buffer_t *input = connection_input(conn);
    ssize_t count = body_sink_write(conn, input->bytes, input->size < run ? input->size : (size_t)run);

    if (count < 0)
        return (int)count;
    connection_consume(conn, (size_t)count);
    return body_take(conn, (uint64_t)count);
}

static int body_splice(struct connection *conn, size_t max, size_t *budget)
{
    struct http_sink *sink = conn->body.sink;
    ssize_t count;

    conn->body.is_in_sink = true;
    count = sink->splice(sink, connection_fd(conn), max);
    conn->body.is_in_sink = false;
    if (count == 0)
        return -ECONNRESET;
    if (count < 0) {
        if (count == -EAGAIN)
            conn->is_readable = false;
        if (count == -EOPNOTSUPP)
            conn->body.splice_refused = true;
        return count == -EINTR || count == -EOPNOTSUPP ? BODY_MOVED : (int)count;
    }
    assert((size_t)count <= max);
    counter_add(&conn->worker->counters.bytes_received, (uint64_t)count);
    if (!conn->body.splice_copies)
        counter_add(&conn->worker->counters.bytes_spliced, (uint64_t)count);
    conn->pace.bytes += (uint64_t)count;
    if (!conn->body.splices_aside)
        *budget -= (size_t)count;
    /* One that waits for the socket itself, and got all it asked for, need not be told when there is more. */
    if (!conn->body.splices_aside || (size_t)count < max)
        body_pace(conn, (size_t)count);
    return body_take(conn, (uint64_t)count);
}

/* The sink took only a part: the rest waits in the input, which is empty now. */
static int body_keep(struct connection *conn, const char *data, size_t length)
{
    h2o_iovec_t room;

    assert(connection_input(conn)->size == 0);
    room = h2o_buffer_reserve(&conn->socket->input, length);
    if (room.base == NULL)
        return -ENOMEM;
    memcpy(room.base, data, length);
    conn->socket->input->size += length;
    return BODY_MOVED;
}

static int body_write(struct connection *conn, const char *data, size_t length)
{
    struct http_sink *sink = conn->body.sink;
    int err;

    while (length > 0) {
        ssize_t count = body_sink_write(conn, data, length);

        if (count < 0) {
            if (count == -EBUSY && (err = body_keep(conn, data, length)) != 0)
                return err;
            return (int)count;
        }
        if ((err = body_take(conn, (uint64_t)count)) != 0)
            return err;
        if (conn->body.sink != sink)
            return BODY_MOVED; /* the handler answered meanwhile, and the connection closes */
        data += count;
        length -= (size_t)count;
    }
    return BODY_MOVED;
}

static int body_copy(struct connection *conn, size_t max, size_t *budget)
{
    char *buffer = worker_copy_buffer(conn->worker);
    ssize_t count;

    if (buffer == NULL)
        return -ENOMEM;
    count = connection_read(conn, buffer, max < HTTP_COPY_BUFFER_BYTES ? max : HTTP_COPY_BUFFER_BYTES);
    if (count == 0)
        return -ECONNRESET;
    if (count < 0)
        return (int)count;
    *budget -= (size_t)count;
    body_pace(conn, (size_t)count);
    return body_write(conn, buffer, (size_t)count);
}

static int body_move(struct connection *conn, uint64_t run, size_t *budget)
{
    bool splices = conn->body.sink->splice != NULL && !conn->body.splice_refused && conn->tls == NULL &&
                   !conn->worker->server->options.copy_mode;
    size_t max = splices && conn->body.splices_aside ? HTTP_ASIDE_BYTES_MAX : *budget;

    if (connection_input(conn)->size > 0)
        return body_write_input(conn, run);
    body_choose_lowat(conn, run);
    if (*budget == 0 || !conn->is_readable)
        return -EAGAIN;
    max = run < max ? (size_t)run : max;
    /* Somebody may wait for the socket on our behalf (a sink that says -EBUSY): more than the mark must always be to come. */
    if (max > run - (uint64_t)conn->body.lowat_bytes)
        max = (size_t)(run - (uint64_t)conn->body.lowat_bytes);
    return splices ? body_splice(conn, max, budget) : body_copy(conn, max, budget);
}

/* ---- The pump ---- */

/* One move of framing or payload. BODY_MOVED, BODY_IS_COMPLETE, -EAGAIN (the socket), -EBUSY (the sink), or
 * the errno to end with. */
static int body_advance(struct connection *conn, size_t *budget)
{
    struct framing *transfer = conn->body.transfer, *coding = conn->body.coding;
    uint64_t run, coding_run;

    if (conn->body.refuse_with != 0)
        return conn->body.refuse_with;
    if (transfer == NULL || transfer->ops->done(transfer))
        return coding != NULL && !coding->ops->done(coding) ? -ENODATA : BODY_IS_COMPLETE;
    if ((run = transfer->ops->run(transfer)) == 0)
        return body_feed_transfer(conn, budget);
    if (coding == NULL)
        return body_move(conn, run, budget);
    if ((coding_run = coding->ops->run(coding)) == 0)
        return body_feed_coding(conn, run, budget);
    return body_move(conn, run < coding_run ? run : coding_run, budget);
}

/* A body that is hurried does not get longer by dripping. */
static void body_arm(struct connection *conn, bool has_moved)
{
    bool is_armed = h2o_timeout_is_linked(&conn->timeout);

    if (conn->body.is_hurried ? !is_armed : has_moved || !is_armed)
        connection_arm(conn,
                       conn->body.is_hurried ? &conn->worker->collect_timeout : &conn->worker->body_timeout);
}

/* What the pump waits for, if it does. */
static enum connection_step body_wait(struct connection *conn, int reason, bool has_moved)
{
    if (reason == -EAGAIN) {
        conn->want_read = true;
        pace_wait(conn);
        body_arm(conn, has_moved);
        return STEP_WAIT;
    }
    assert(reason == -EBUSY);
    if (conn->body.is_resumed)
        return STEP_AGAIN;
    conn->body.state = BODY_BLOCKED;
    conn->want_no_read = true;
    connection_disarm(conn); /* the client is not to blame */
    return STEP_WAIT;
}

enum connection_step body_step(struct connection *conn)
{
    size_t budget = HTTP_TURN_BYTES_MAX;
    bool has_moved = false;

    pace_go_on(conn);
    while (conn->body.state == BODY_RECEIVING) {
        int result;

        conn->body.is_resumed = false;
        result = body_advance(conn, &budget);
        if (conn->body.state != BODY_RECEIVING)
            break; /* the handler answered from inside a sink op */
        if (result == -EAGAIN && pace_of_body_is_slow(conn))
            result = -ETIMEDOUT;
        if (result == -EAGAIN || result == -EBUSY)
            return body_wait(conn, result, has_moved);
        if (result == BODY_IS_COMPLETE)
            conn->is_readable = false; /* most wait for the answer: the poll tells, should there be more */
        if (result != BODY_MOVED)
            body_end(conn, result == BODY_IS_COMPLETE ? 0 : result);
        has_moved = true;
    }
    return conn->state == CONNECTION_REQUEST ? STEP_WAIT : STEP_AGAIN;
}

void body_end(struct connection *conn, int result)
{
    struct http_sink *sink = conn->body.sink;

    assert(conn->body.state == BODY_RECEIVING || conn->body.state == BODY_BLOCKED);
    assert(result <= 0);
    conn->body.state = result == 0 ? BODY_NONE : BODY_FAILED;
    conn->body.sink = NULL;
    conn->body.coding = NULL;
    body_set_lowat(conn, 0);
    connection_disarm(conn);
    sink->end(sink, result);
}

void body_detach(struct connection *conn)
{
    if (conn->body.state == BODY_RECEIVING || conn->body.state == BODY_BLOCKED) {
        /* A sink that is busy may still be taking bytes from the socket: where the stream stands is not known. */
        conn->body.state = conn->body.state == BODY_BLOCKED ? BODY_FAILED : BODY_UNREAD;
        conn->body.sink = NULL;
        conn->body.coding = NULL;
        connection_disarm(conn);
    }
    body_set_lowat(conn, 0);
}

void body_on_timeout(struct connection *conn)
{
    int available = 0;

    assert(conn->body.state == BODY_RECEIVING);
    /* A slow client may have sent something, only less than SO_RCVLOWAT. */
    if (conn->body.lowat_bytes != 0 && !conn->body.is_hurried &&
        ioctl(connection_fd(conn), FIONREAD, &available) == 0 && available > 0) {
        conn->body.lowat_is_useful = false;
        conn->is_readable = true;
        return;
    }
    body_end(conn, -ETIMEDOUT);
}

/* ---- The handler's side ---- */

uint64_t http_body_length(struct http_request *req)
{
    return connection_of(req)->body.announced;
}

bool http_body_is_expected(struct http_request *req)
{
    return connection_of(req)->body.is_expected;
}

void http_body_receive(struct http_request *req, struct framing *coding, struct http_sink *sink)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct connection *conn = connection_of(req);
    struct body *body = &conn->body;

    assert(conn->state == CONNECTION_REQUEST);
    assert(body->state == BODY_NONE || body->state == BODY_UNREAD);
    assert(body->sink == NULL);
    body->state = BODY_RECEIVING;
    pace_begin(conn);
    body->coding = coding;
    body->sink = req->cut_after == 0 ? sink : cut_sink_create(conn, sink);
    if (conn->is_dead)
        body->refuse_with = -ECONNRESET;
    if (body->is_expected && body->refuse_with == 0 && connection_input(conn)->size == 0)
        output_push(conn, go_on, sizeof(go_on) - 1);
    body->is_expected = false;
    conn->is_readable = true; /* the body often comes right after the head */
    connection_wake(conn);
}

void http_body_resume(struct http_request *req)
{
    struct connection *conn = connection_of(req);

    if (conn->body.state == BODY_BLOCKED) {
        conn->body.state = BODY_RECEIVING;
        conn->is_readable = true; /* meanwhile more has probably come */
        connection_wake(conn);
    } else {
        conn->body.is_resumed = true;
    }
}

void http_body_splice_copies(struct http_request *req)
{
    connection_of(req)->body.splice_copies = true;
}

void http_body_splices_aside(struct http_request *req)
{
    struct connection *conn = connection_of(req);

    assert(conn->body.sink != NULL);
    conn->body.splices_aside = true;
}
