/* SPDX-License-Identifier: MIT
 *
 * A round: the rows, a page at a time; the units of a page, by their place on the disk; and for each row whose unit is not as it should be,
 * another look, pinned, if it still refers to that. So what is overwritten or deleted meanwhile is no finding. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/core/scrub/scrub_internal.h"
#include "metadata/meta_compare.h"
#include "storage/base/clock.h"

/* ---- Time ---- */

static bool round_is_over(const struct scrub_round *round)
{
    const struct core_scrub_run *run = round->run;

    if (run != NULL && run->is_over != NULL && run->is_over(run->ctx))
        return true;
    return scrub_sleep(round->scrub, 0, run == NULL);
}

/* As check_reader_run asks before each read. */
static int round_before(void *ctx, uint64_t bytes)
{
    struct scrub_round *round = ctx;
    struct core_scrub_run *run = round->run;
    uint64_t wait_ms = scrub_pace_wait(&round->pace, clock_monotonic_ms(), bytes);

    if (round_is_over(round) || (wait_ms > 0 && scrub_sleep(round->scrub, wait_ms, run == NULL)))
        return -ECANCELED;
    while ((wait_ms = scrub_pace_yield(&round->pace, blob_store_cold_reads(round->scrub->core->blobs))) > 0)
        if (scrub_sleep(round->scrub, wait_ms, run == NULL))
            return -ECANCELED;
    atomic_fetch_add(&round->scrub->bytes, bytes);
    pthread_mutex_lock(&round->scrub->lock);
    round->state->bytes += bytes;
    pthread_mutex_unlock(&round->scrub->lock);
    if (run != NULL && run->on_progress != NULL)
        run->on_progress(run->ctx, round->state->bytes, round->bytes_total);
    return 0;
}

/* ---- Findings ---- */

static const char *kind_text(char kind)
{
    return kind == 'o' ? "object" : kind == 'v' ? "version" : kind == 'a' ? "annotation" : "part";
}

static void round_tell(struct scrub_round *round, const struct core_finding *finding)
{
    struct core_scrub_run *run = round->run;
    char text[CORE_FINDING_TEXT_BYTES];

    (void)findings_add(round->scrub->findings, finding); /* the log has it in any case */
    atomic_fetch_add(finding->is_mended ? &round->scrub->mended : &round->scrub->found, 1);
    pthread_mutex_lock(&round->scrub->lock);
    if (finding->is_mended)
        round->state->mended++;
    else
        round->state->findings++;
    pthread_mutex_unlock(&round->scrub->lock);
    core_finding_format(finding, text);
    if (round->lines < SCRUB_LOG_LINES_MAX)
        core_log(round->scrub->core, finding->is_mended ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "scrub: %s",
                 text);
    else if (round->lines == SCRUB_LOG_LINES_MAX)
        core_log(round->scrub->core, LOG_LEVEL_ERROR, "scrub: there is more; sluice check --last shows it");
    round->lines++;
    if (run != NULL && run->on_finding != NULL)
        run->on_finding(run->ctx, finding);
}

static void round_found(struct scrub_round *round, const struct check_extent *place, const char *what,
                        bool is_mended)
{
    char key[META_KEY_BYTES_MAX * 4 + 1], version[META_VERSION_WHOLE_BYTES + 1] = "";

    finding_show_key(key, place->row.key);
    if (!meta_version_is_null(&place->row.version))
        (void)meta_version_format(&place->row.version, version);
    round_tell(round, &(struct core_finding){
                          .at_ms = clock_real_ms(),
                          .kind = kind_text(place->row.kind),
                          .bucket = place->row.bucket,
                          .key = key,
                          .version = version,
                          .what = what,
                          .blob = place->extent.file,
                          .offset = place->extent.unit_offset,
                          .length = place->extent.unit_length,
                          .is_mended = is_mended,
                      });
}

/* ---- Another look ---- */

/* Damage is rare: it is looked at as fast as that goes. */
static int again_before(void *ctx, uint64_t bytes)
{
    (void)bytes;
    return round_is_over(ctx) ? -ECANCELED : 0;
}

/* The unit is pinned. What it is by now, and what it was before it was mended; or an error. */
static int look_and_mend(struct scrub_round *round, const struct meta_extent *extent, int *before)
{
    struct check_job job = check_job_of(extent);
    int err = check_reader_run(round->bytes_of, &job, 1, again_before, round);

    if (err != 0)
        return err;
    *before = job.verdict;
    if (job.verdict <= CHECK_SOUND || round->mend == NULL || scrub_mend_unit(round->mend, &job) != 0)
        return job.verdict;
    err = check_reader_run(round->bytes_of, &job, 1, again_before, round);
    return err != 0 ? err : job.verdict;
}

static int look_again(struct scrub_round *round, const struct check_extent *place)
{
    const struct blob_unit unit = {place->extent.file, place->extent.unit_offset};
    struct blob_store *blobs = round->scrub->core->blobs;
    int verdict, before = CHECK_SOUND;
    struct blob_pin pin;

    blob_pin_enter(blobs, &pin);
    verdict = meta_unit_is_referred(round->reader, unit.blob, unit.offset);
    blob_pin_known(blobs, &pin, &unit, verdict > 0);
    if (verdict > 0)
        verdict = look_and_mend(round, &place->extent, &before);
    blob_pin_leave(blobs, &pin);
    if (verdict < 0)
        return verdict;
    if (verdict != CHECK_SOUND || before != CHECK_SOUND)
        round_found(round, place, check_verdict_text((enum check_verdict)before), verdict == CHECK_SOUND);
    return 0;
}

/* ---- Units of a page ---- */

static int job_place(const void *left, const void *right)
{
    const struct check_job *a = left, *b = right;

    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static int take_job(void *ctx, const struct check_extent *place)
{
    struct scrub_round *round = ctx;

    if (round->job_count == round->job_capacity) {
        size_t capacity = round->job_capacity == 0 ? SCRUB_PAGE_ROWS : 2 * round->job_capacity;
        struct check_job *jobs = realloc(round->jobs, capacity * sizeof(*jobs));

        if (jobs == NULL)
            return -ENOMEM;
        round->jobs = jobs;
        round->job_capacity = capacity;
    }
    round->jobs[round->job_count++] = check_job_of(&place->extent);
    return 0;
}

/* A unit that several rows of the page share is read once; where rows disagree about it, each says of itself. */
static void jobs_make_unique(struct scrub_round *round)
{
    size_t kept = 0;

    check_jobs_sort(round->jobs, round->job_count);
    for (size_t i = 0; i < round->job_count; i++) {
        const struct check_job *last = kept > 0 ? &round->jobs[kept - 1] : NULL, *job = &round->jobs[i];

        if (last == NULL || last->file != job->file || last->offset != job->offset)
            round->jobs[kept++] = *job;
    }
    round->job_count = kept;
}

static int tell_extent(void *ctx, const struct check_extent *place)
{
    struct scrub_round *round = ctx;
    const struct check_job wanted = check_job_of(&place->extent);
    const struct check_job *job =
        bsearch(&wanted, round->jobs, round->job_count, sizeof(*round->jobs), job_place);

    assert(job != NULL);
    if (job->verdict == CHECK_SOUND && job->length == wanted.length && job->crc == wanted.crc &&
        job->crc_kind == wanted.crc_kind)
        return 0;
    if (round_is_over(round))
        return -ECANCELED;
    return look_again(round, place);
}

/* ---- The database ---- */

static void tell_database(void *ctx, const char *what)
{
    round_tell(ctx, &(struct core_finding){.at_ms = clock_real_ms(),
                                           .kind = "database",
                                           .bucket = "",
                                           .key = "",
                                           .version = "",
                                           .what = what});
}

static bool compare_is_over(void *ctx)
{
    return round_is_over(ctx);
}

static int compare_settle(void *ctx)
{
    const struct scrub_round *round = ctx;

    return core_batches_end(round->scrub->core);
}

/* Values that make sense, and are not what was stored. */
static int compare_rows(struct scrub_round *round)
{
    struct meta_compare compare = {
        .finding = tell_database, .is_over = compare_is_over, .settle = compare_settle, .ctx = round};

    return meta_compare_run(round->scrub->core->meta, &compare);
}

int scrub_round_database(struct scrub_round *round)
{
    struct stat status;
    int err;

    /* Its snapshot holds up the log: a large one is looked at when somebody asks for it. */
    if (round->run == NULL && fstatat(core_folder_fd(round->scrub->core), "sluice.db", &status, 0) == 0 &&
        status.st_size > SCRUB_DATABASE_BYTES_MAX)
        return 0;
    err = meta_check_pages(round->reader, tell_database, round);
    if (err == META_E_CORRUPT || err > 0)
        return 0; /* rows of such pages prove nothing */
    return err < 0 ? err : compare_rows(round);
}

/* Rows that cannot be read are a finding, and the end: nobody knows which come after them. */
static int rows_read(struct scrub_round *round, struct meta_extent_cursor *cursor, bool *more)
{
    int err = check_page_read(round->page, round->reader, cursor, more);

    if (err != META_E_CORRUPT)
        return err;
    tell_database(round, "rows cannot be read: the database is damaged");
    *more = false;
    return 0;
}

int scrub_round_step(struct scrub_round *round, bool *more)
{
    struct meta_extent_cursor cursor = round->state->cursor;
    int err = round_is_over(round) ? -ECANCELED : 0;

    round->job_count = 0;
    if (err != 0 || (err = rows_read(round, &cursor, more)) != 0 ||
        (err = check_page_walk(round->page, take_job, round)) != 0)
        return err;
    jobs_make_unique(round);
    if ((err = check_reader_run(round->bytes_of, round->jobs, round->job_count, round_before, round)) != 0 ||
        (err = check_page_walk(round->page, tell_extent, round)) != 0)
        return err;
    atomic_fetch_add(&round->scrub->units, round->job_count);
    pthread_mutex_lock(&round->scrub->lock);
    round->state->cursor = cursor;
    round->state->units += round->job_count;
    pthread_mutex_unlock(&round->scrub->lock);
    return 0;
}

/* ---- Life ---- */

int scrub_round_open(struct scrub_round *round, struct scrub *scrub, struct scrub_state *state,
                     struct core_scrub_run *run)
{
    struct core *core = scrub->core;
    int err;

    *round = (struct scrub_round){.scrub = scrub, .state = state, .run = run};
    round->bytes_total = scrub_bytes_total(core);
    if (run == NULL)
        round->pace.rate =
            scrub_rate(round->bytes_total, (uint64_t)core->options.scrub_days * core_lifecycle_day(core));
    round->page = check_page_create(SCRUB_PAGE_ROWS, SCRUB_PAGE_BYTES);
    round->bytes_of = check_reader_create(core->blobs, CHECK_DIRECT);
    err = round->page == NULL || round->bytes_of == NULL ? -ENOMEM : 0;
    if (err == 0)
        err = meta_reader_open(core->meta, &round->reader);
    if (err == 0 && core->options.mend_from != NULL)
        err = scrub_mend_open(&round->mend, core, core->options.mend_from);
    if (err != 0) {
        scrub_round_close(round);
        return err;
    }
    pthread_mutex_lock(&scrub->lock);
    scrub->reading = round->reader;
    pthread_mutex_unlock(&scrub->lock);
    return 0;
}

void scrub_round_close(struct scrub_round *round)
{
    pthread_mutex_lock(&round->scrub->lock);
    round->scrub->reading = NULL;
    pthread_mutex_unlock(&round->scrub->lock);
    scrub_mend_close(round->mend);
    if (round->reader != NULL)
        meta_reader_close(round->reader);
    check_reader_free(round->bytes_of);
    check_page_free(round->page);
    free(round->jobs);
    *round = (struct scrub_round){0};
}
