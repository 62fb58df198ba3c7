#include "node/publish.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

#include "unit/suite.h"

enum { WORDS = 512, SWAPS = 500, READERS = 2 };

/* Any memory can stand for a view: here WORDS words that are all the same. */
static const struct view *publish_words(struct publisher *publisher, uint64_t word)
{
    size_t size = WORDS * sizeof word;
    uint64_t *words = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(words, MAP_FAILED);
    for (size_t i = 0; i < WORDS; i++)
        words[i] = word;
    const struct view *view = (const struct view *)words;
    ck_assert_int_eq(publish(publisher, view, words, size), 0);
    return view;
}

/* The word, or 0 when they differ. */
static uint64_t word_of(const struct view *view)
{
    const uint64_t *words = (const uint64_t *)view;
    for (size_t i = 1; i < WORDS; i++) {
        if (words[i] != words[0])
            return 0;
    }
    return words[0];
}

START_TEST(nothing_is_seen_before_the_first_publish_and_after_the_close)
{
    struct publisher publisher = {0};
    publish_register();
    ck_assert_ptr_null(publish_view(&publisher));
    const struct view *view = publish_words(&publisher, 1);
    ck_assert_ptr_eq(publish_view(&publisher), view);
    publish_close(&publisher);
    ck_assert_ptr_null(publish_view(&publisher));
    publish_close(&publisher);
    publish_unregister();
}
END_TEST

struct reader {
    pthread_t id;
    const struct publisher *publisher;
    atomic_bool *is_over;
    uint64_t last, reads, mistakes;
};

static void *read_views(void *context)
{
    struct reader *self = context;
    publish_register();
    while (!atomic_load(self->is_over)) {
        for (int i = 0; i < 4; i++) {
            uint64_t word = word_of(publish_view(self->publisher));
            self->mistakes += word < self->last;
            self->last = word;
            self->reads++;
        }
        if (self->reads % 16 == 0) {
            publish_offline();
            publish_online();
        } else {
            publish_quiescent();
        }
    }
    publish_unregister();
    return NULL;
}

/* A view unmapped too early would be a fault, one half written unequal words. */
START_TEST(readers_see_whole_living_views_that_never_go_back)
{
    struct publisher publisher = {0};
    atomic_bool is_over = false;
    struct reader readers[READERS];
    publish_words(&publisher, 1);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.publisher = &publisher, .is_over = &is_over};
        pthread_create(&readers[i].id, NULL, read_views, &readers[i]);
    }
    for (uint64_t word = 2; word <= SWAPS; word++)
        publish_words(&publisher, word);
    atomic_store(&is_over, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i].id, NULL);
        ck_assert_uint_gt(readers[i].reads, 0);
        ck_assert_uint_eq(readers[i].mistakes, 0);
    }
    publish_close(&publisher);
}
END_TEST

struct slow_reader {
    struct publisher *publisher;
    atomic_bool holds, may_let_go;
    bool is_offline;
    atomic_bool is_published;
};

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void *hold_view(void *context)
{
    struct slow_reader *self = context;
    publish_register();
    const struct view *view = publish_view(self->publisher);
    if (self->is_offline)
        publish_offline();
    atomic_store(&self->holds, true);
    while (!atomic_load(&self->may_let_go))
        nap();
    if (self->is_offline)
        publish_online();
    else
        ck_assert_uint_eq(word_of(view), 1);
    publish_unregister();
    return NULL;
}

static void *publish_second(void *context)
{
    struct slow_reader *self = context;
    publish_words(self->publisher, 2);
    atomic_store(&self->is_published, true);
    return NULL;
}

START_TEST(a_view_is_kept_while_a_reader_holds_it)
{
    struct publisher publisher = {0};
    struct slow_reader reader = {.publisher = &publisher};
    publish_words(&publisher, 1);
    pthread_t ids[2];
    pthread_create(&ids[0], NULL, hold_view, &reader);
    while (!atomic_load(&reader.holds))
        nap();
    pthread_create(&ids[1], NULL, publish_second, &reader);
    for (int i = 0; i < 30; i++)
        nap();
    ck_assert(!atomic_load(&reader.is_published));
    atomic_store(&reader.may_let_go, true);
    pthread_join(ids[0], NULL);
    pthread_join(ids[1], NULL);
    publish_close(&publisher);
}
END_TEST

START_TEST(a_reader_that_is_offline_delays_nobody)
{
    struct publisher publisher = {0};
    struct slow_reader reader = {.publisher = &publisher, .is_offline = true};
    publish_words(&publisher, 1);
    pthread_t id;
    pthread_create(&id, NULL, hold_view, &reader);
    while (!atomic_load(&reader.holds))
        nap();
    publish_words(&publisher, 2); /* returns: Check ends a test that does not */
    atomic_store(&reader.may_let_go, true);
    pthread_join(id, NULL);
    publish_close(&publisher);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/publish");
    SUITE_CASE(suite, "publish", nothing_is_seen_before_the_first_publish_and_after_the_close,
               readers_see_whole_living_views_that_never_go_back);
    SUITE_CASE(suite, "grace", a_view_is_kept_while_a_reader_holds_it,
               a_reader_that_is_offline_delays_nobody);
    return suite_run(suite);
}
