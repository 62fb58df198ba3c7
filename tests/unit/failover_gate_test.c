#include "failover/gate.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static struct gate gate;
static struct gate_reading page;

/* A worker of that many threads, ready at 0, after a life in which probes were answered. */
static void begin(size_t thread_count)
{
    page = (struct gate_reading){0};
    gate_init(&gate);
    gate_begin(&gate, 0, thread_count, 0);
    gate.was_heard = true;
}

/* What the gate says, as the log would. */
static const char *verdict(void)
{
    static char text[40];
    if (gate.reason == GATE_THREAD_SILENT)
        snprintf(text, sizeof text, "unfit thread-silent %zu", gate.thread);
    else
        snprintf(text, sizeof text, "%s %s", gate.is_fit ? "fit" : "unfit",
                 gate_reason_word(gate.reason));
    return text;
}

/* Judge; every thread of the mask answers the round that began, if one did. */
static const char *judge(int64_t now_ms, uint64_t answering)
{
    uint64_t nonce;
    if (!gate_judge(&gate, now_ms, &page, &nonce))
        return verdict();
    for (size_t thread = 0; thread < GATE_THREADS_MAX; thread++)
        if ((answering >> thread & 1) != 0)
            ck_assert(gate_answered(&gate, thread, nonce));
    return verdict();
}

/* Judge as the deadline says, from now on up to but without until_ms; control goes on. */
static void run(int64_t until_ms, uint64_t answering)
{
    for (int64_t at; (at = gate_deadline_ms(&gate)) < until_ms;) {
        page.control_progress++;
        judge(at, answering);
    }
}

static const char *run_to(int64_t at_ms, uint64_t answering)
{
    run(at_ms, answering);
    page.control_progress++;
    return judge(at_ms, answering);
}

START_TEST(a_worker_is_fit_when_every_thread_has_answered_once)
{
    gate_init(&gate);
    ck_assert_str_eq(verdict(), "unfit no-worker");
    ck_assert_int_eq(gate_deadline_ms(&gate), INT64_MAX);
    begin(3);
    ck_assert_str_eq(verdict(), "unfit unproven");
    ck_assert_int_eq(gate_deadline_ms(&gate), 0);
    ck_assert_str_eq(judge(0, 3), "unfit unproven");
    ck_assert_int_eq(gate_deadline_ms(&gate), 20);
    ck_assert_str_eq(judge(20, 4), "unfit unproven");
    ck_assert_str_eq(judge(21, 0), "fit ready");
}
END_TEST

START_TEST(sixty_four_threads_are_judged_like_one)
{
    begin(GATE_THREADS_MAX);
    ck_assert_str_eq(judge(0, UINT64_MAX >> 1), "unfit unproven");
    ck_assert_str_eq(judge(20, UINT64_MAX), "unfit unproven");
    ck_assert_str_eq(run_to(100, UINT64_MAX), "fit ready");
    ck_assert_str_eq(run_to(180, UINT64_MAX >> 1), "unfit thread-silent 63");
}
END_TEST

/* The worst case of the promise: it hangs at once after an answer. */
START_TEST(a_silent_thread_is_found_80_ms_after_its_last_answer_and_not_sooner)
{
    begin(2);
    run(120, 3); /* the round of 100 was the last that thread 1 answered */
    ck_assert_str_eq(run_to(120, 1), "fit ready");
    ck_assert_str_eq(run_to(179, 1), "fit ready");
    ck_assert_str_eq(run_to(180, 1), "unfit thread-silent 1");
}
END_TEST

START_TEST(a_single_lost_probe_makes_no_node_unfit)
{
    begin(1);
    run(100, 1);
    for (int64_t at_ms = 100; at_ms < 1000; at_ms += 20)
        ck_assert_str_eq(run_to(at_ms, at_ms / 20 % 2 == 0), "fit ready");
}
END_TEST

START_TEST(an_answer_forgives_the_probes_lost_before_it)
{
    begin(1);
    run(100, 1);
    judge(100, 0);
    judge(120, 0);
    judge(140, 1);
    ck_assert_str_eq(judge(160, 1), "fit ready");
}
END_TEST

START_TEST(rounds_judged_together_count_in_the_order_in_which_they_were_sent)
{
    begin(1);
    run(100, 1);
    judge(100, 1);
    judge(120, 0);
    judge(160, 0); /* both: an answer, then a failure */
    judge(180, 0);
    ck_assert_str_eq(run_to(199, 0), "fit ready");
    ck_assert_str_eq(run_to(200, 0), "unfit thread-silent 0");
}
END_TEST

START_TEST(a_thread_that_answers_others_is_not_silent)
{
    begin(1);
    run(100, 1);
    for (int64_t at_ms = 100; at_ms < 1000; at_ms += 20) {
        page.answers[0]++;
        ck_assert_str_eq(run_to(at_ms, 0), "fit ready");
    }
    /* The probe of 980 was sent when the counter moved last; it and the next count. */
    ck_assert_str_eq(run_to(1039, 0), "fit ready");
    ck_assert_str_eq(run_to(1040, 0), "unfit thread-silent 0");
}
END_TEST

/* The counter stands still for 40 ms out of 60: failures count, but never two in a row. */
START_TEST(a_failure_between_answers_to_others_is_not_in_a_row)
{
    begin(1);
    run(100, 1);
    for (int64_t at_ms = 100; at_ms < 1000; at_ms += 20) {
        if (at_ms / 20 % 3 == 0)
            page.answers[0]++;
        ck_assert_str_eq(run_to(at_ms, 0), "fit ready");
    }
}
END_TEST

START_TEST(one_answer_of_every_thread_makes_it_fit_again)
{
    begin(2);
    run(100, 3);
    run(400, 1);
    ck_assert_str_eq(verdict(), "unfit thread-silent 1");
    ck_assert_str_eq(run_to(400, 2), "unfit thread-silent 1");
    ck_assert_str_eq(judge(401, 0), "fit ready");
}
END_TEST

START_TEST(an_answer_to_nothing_asked_is_ignored)
{
    uint64_t nonce;
    begin(1);
    ck_assert(gate_judge(&gate, 0, &page, &nonce));
    ck_assert(!gate_answered(&gate, 0, nonce + 1));
    ck_assert(!gate_answered(&gate, 0, nonce - 1));
    ck_assert(!gate_answered(&gate, 0, nonce + GATE_ROUNDS_MAX));
    ck_assert(!gate_answered(&gate, 0, nonce - GATE_ROUNDS_MAX));
    ck_assert(!gate_answered(&gate, 1, nonce));
    ck_assert(!gate_answered(&gate, SIZE_MAX, nonce));
    run(40, 0);
    judge(40, 0);
    ck_assert(!gate_answered(&gate, 0, nonce)); /* too late */
    ck_assert(gate_answered(&gate, 0, nonce + 1));
    gate_end(&gate, GATE_WORKER_DEAD);
    ck_assert(!gate_answered(&gate, 0, nonce + 2));
}
END_TEST

START_TEST(an_answer_of_one_life_proves_nothing_in_the_next)
{
    uint64_t nonce;
    begin(1);
    ck_assert(gate_judge(&gate, 0, &page, &nonce));
    gate_end(&gate, GATE_WORKER_DEAD);
    ck_assert_str_eq(verdict(), "unfit worker-dead");
    ck_assert_int_eq(gate_deadline_ms(&gate), INT64_MAX);
    gate_begin(&gate, 10, 1, 0);
    ck_assert(!gate_answered(&gate, 0, nonce));
    judge(10, 0);
    ck_assert(!gate_answered(&gate, 0, nonce));
    ck_assert_str_eq(judge(11, 0), "unfit unproven");
}
END_TEST

START_TEST(a_worker_told_to_stop_is_unfit)
{
    begin(1);
    run(100, 1);
    ck_assert_str_eq(verdict(), "fit ready");
    gate_end(&gate, GATE_STOPPING);
    ck_assert_str_eq(verdict(), "unfit stopping");
    ck_assert(!gate_is_hanging(&gate));
}
END_TEST

START_TEST(control_that_stands_still_for_a_second_makes_it_unfit)
{
    begin(1);
    run(100, 1);
    int64_t moved_ms = 80; /* the last round */
    for (int64_t at_ms = 100; at_ms < moved_ms + 1000; at_ms += 20)
        ck_assert_str_eq(judge(at_ms, 1), "fit ready");
    ck_assert_str_eq(judge(moved_ms + 999, 1), "fit ready");
    ck_assert_str_eq(judge(moved_ms + 1000, 0), "unfit control-stalled");
    ck_assert(gate_is_hanging(&gate));
    page.control_progress--; /* any other value is progress: the page is not believed to count */
    ck_assert_str_eq(judge(moved_ms + 1020, 1), "unfit control-stalled");
    ck_assert(!gate_is_hanging(&gate));
    ck_assert_str_eq(judge(moved_ms + 1021, 1), "fit ready");
}
END_TEST

/* The whole machine slept, or the guardian alone did: nobody was asked, so nobody is silent. */
START_TEST(who_judges_late_forgives_the_silence)
{
    begin(1);
    run(100, 1);
    judge(100, 0);
    judge(120, 0);
    ck_assert_str_eq(judge(5000, 0), "fit ready");
    ck_assert_str_eq(run_to(5059, 0), "fit ready");
    ck_assert_str_eq(run_to(5060, 0), "unfit thread-silent 0");

    begin(1);
    run(100, 1);
    judge(100, 0);
    judge(120, 0);
    judge(160, 0); /* 40 ms are not late */
    ck_assert_str_eq(verdict(), "unfit thread-silent 0");
}
END_TEST

START_TEST(a_late_judge_does_not_forget_a_counted_failure_wrongly)
{
    begin(1);
    run(100, 1);
    judge(100, 0);
    judge(120, 0);
    judge(140, 0);                                 /* one failure */
    judge(181, 0);                                 /* late */
    ck_assert_str_eq(run_to(239, 0), "fit ready"); /* the rounds of 181 and 201 */
    ck_assert_str_eq(run_to(241, 0), "unfit thread-silent 0");
}
END_TEST

START_TEST(a_probe_that_could_not_be_sent_proves_nothing)
{
    uint64_t nonce;
    begin(2);
    run(100, 3);
    for (int64_t at_ms = 100; at_ms < 1000; at_ms += 20) {
        page.control_progress++;
        ck_assert(gate_judge(&gate, at_ms, &page, &nonce));
        gate_answered(&gate, 0, nonce);
        gate_unsent(&gate, 1);
        ck_assert_str_eq(verdict(), "fit ready");
    }
}
END_TEST

/* A firewall on the node's own address is no reason to kill one worker after the other. */
START_TEST(silence_is_no_hang_before_any_probe_was_ever_answered)
{
    begin(1);
    gate.was_heard = false;
    ck_assert_str_eq(run_to(5000, 0), "unfit unproven");
    ck_assert(!gate_is_hanging(&gate));
    ck_assert_str_eq(run_to(5020, 1), "unfit unproven");
    gate_end(&gate, GATE_WORKER_DEAD);
    gate_begin(&gate, 6000, 1, page.control_progress);
    ck_assert_str_eq(run_to(6059, 0), "unfit unproven");
    ck_assert_str_eq(run_to(6060, 0), "unfit thread-silent 0");
    ck_assert(gate_is_hanging(&gate));
}
END_TEST

/* A thread that is silent and then drowns in queries is not hung, though not proven either. */
START_TEST(a_thread_that_moves_again_hangs_no_more)
{
    begin(1);
    run(100, 1);
    run(400, 0);
    ck_assert(gate_is_hanging(&gate));
    for (int64_t at_ms = 400; at_ms <= 480; at_ms += 20) {
        page.answers[0]++;
        run_to(at_ms, 0);
    }
    ck_assert_str_eq(verdict(), "unfit thread-silent 0");
    ck_assert(!gate_is_hanging(&gate));
}
END_TEST

/* A stopped process hangs as a whole, and no query is to blame. */
START_TEST(only_threads_that_hang_beside_a_living_control_are_stuck)
{
    begin(3);
    run(100, 7);
    run(400, 5);
    ck_assert_uint_eq(gate_stuck_threads(&gate), 2);
    ck_assert(gate_is_hanging(&gate));
    for (int64_t at_ms = 400; at_ms <= 1400; at_ms += 20)
        judge(at_ms, 0);
    ck_assert_str_eq(verdict(), "unfit thread-silent 0");
    ck_assert_uint_eq(gate_stuck_threads(&gate), 0);
    gate_end(&gate, GATE_WORKER_DEAD);
    ck_assert(!gate_is_hanging(&gate));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/gate");
    SUITE_CASE(suite, "fit", a_worker_is_fit_when_every_thread_has_answered_once,
               sixty_four_threads_are_judged_like_one,
               one_answer_of_every_thread_makes_it_fit_again, a_worker_told_to_stop_is_unfit,
               an_answer_to_nothing_asked_is_ignored,
               an_answer_of_one_life_proves_nothing_in_the_next);
    SUITE_CASE(suite, "silent", a_silent_thread_is_found_80_ms_after_its_last_answer_and_not_sooner,
               a_single_lost_probe_makes_no_node_unfit,
               an_answer_forgives_the_probes_lost_before_it,
               rounds_judged_together_count_in_the_order_in_which_they_were_sent,
               a_thread_that_answers_others_is_not_silent,
               a_failure_between_answers_to_others_is_not_in_a_row,
               control_that_stands_still_for_a_second_makes_it_unfit);
    SUITE_CASE(suite, "doubt", who_judges_late_forgives_the_silence,
               a_late_judge_does_not_forget_a_counted_failure_wrongly,
               a_probe_that_could_not_be_sent_proves_nothing,
               silence_is_no_hang_before_any_probe_was_ever_answered,
               a_thread_that_moves_again_hangs_no_more,
               only_threads_that_hang_beside_a_living_control_are_stuck);
    return suite_run(suite);
}
