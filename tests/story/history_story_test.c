/* Two nodes' histories and what passes between them, told line by line: what each keeps, checks and
 * serves is done at once, messages arrive at once, unless the pair is split. */
#include "replication/history.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

struct host {
    struct history history;
    struct history_kept disk;
    const char *unfit; /* why no bundle can be served on it; NULL: each can */
    bool is_disk_refusing;
    bool is_building; /* what is to be served takes its time */
};

static struct host hosts[2];
static bool is_split, is_mute; /* neither hears the other; ns1 does not hear how it stands on ns2 */
static int64_t now_ms;
static uint64_t wall_s = 1700000000, tickets;
static char told[4096];

static void tell(const char *line)
{
    ck_assert_uint_lt(strlen(told) + strlen(line) + 2, sizeof told);
    strcat(told, line);
    strcat(told, "\n");
}

static void give(size_t node, struct history_event *event);

static void hand_over(size_t node, const struct history_message *message)
{
    bool is_unheard = is_mute && node == 0 && message->type == HISTORY_STATE;
    if (!is_split && !is_unheard)
        give(node, &(struct history_event){.type = HISTORY_HEARD, .message = message});
}

static void keep(size_t node)
{
    struct host *host = &hosts[node];
    const struct history_kept *kept = &host->history.kept;
    const struct revision *newest = kept->count == 0 ? NULL : &kept->revisions[kept->count - 1];
    char line[160];
    if (!host->is_disk_refusing) {
        bool is_new =
            newest != NULL &&
            (host->disk.count == 0 ||
             !revision_name_equal(&newest->name, &host->disk.revisions[host->disk.count - 1].name));
        host->disk = *kept;
        snprintf(line, sizeof line, "ns%zu keeps %s%llu", node + 1,
                 kept->prepared.name.index != 0 ? "prepared "
                 : is_new                       ? ""
                                                : "term, ",
                 (unsigned long long)(kept->prepared.name.index != 0 ? kept->prepared.name.index
                                      : newest == NULL               ? 0
                                                                     : newest->name.index));
        tell(line);
    }
    give(node,
         &(struct history_event){.type = HISTORY_KEPT, .error = host->is_disk_refusing ? -28 : 0});
}

static void say(size_t node, const struct history_update *update)
{
    char line[HISTORY_SENTENCE_MAX + 200];
    snprintf(line, sizeof line, "ns%zu answers: %.40s%s%s", node + 1,
             history_outcome_text(update->outcome), update->sentence[0] == '\0' ? "" : ": ",
             update->sentence);
    tell(line);
}

static void give(size_t node, struct history_event *event)
{
    struct host *host = &hosts[node];
    struct history_update update;
    uint8_t bundle[REVISION_DIGEST_SIZE];
    event->wall_s = wall_s;
    history_step(&host->history, now_ms, event, &update);
    memcpy(bundle, update.bundle, sizeof bundle);
    bool is_check = update.check, is_serve = update.serve, is_keep = update.keep;
    if (update.set_aside)
        tell("  and sets its own aside");
    if (update.reply_ticket != 0)
        say(node, &update);
    for (size_t i = 0; i < update.send_count; i++)
        hand_over(1 - node, &update.sends[i]);
    if (is_keep)
        keep(node);
    if (is_check)
        give(node, &(struct history_event){.type = HISTORY_CHECKED,
                                           .bundle = bundle,
                                           .sentence = host->unfit == NULL ? "" : host->unfit});
    if (is_serve && host->is_building)
        tell("  and builds it");
    else if (is_serve)
        give(node, &(struct history_event){.type = HISTORY_IS_SERVED, .sentence = ""});
}

static void start(size_t node)
{
    struct history_config config = {
        .number = (uint8_t)(node + 1), .has_partner = true, .format = 1};
    history_init(&hosts[node].history, &config);
    give(node,
         &(struct history_event){.type = HISTORY_START,
                                 .kept = hosts[node].disk.term == 0 ? NULL : &hosts[node].disk,
                                 .sentence = ""});
}

static void setup(void)
{
    start(0);
    start(1);
    told[0] = '\0';
}

static void pass_ms(int64_t ms)
{
    for (int64_t end_ms = now_ms + ms; now_ms < end_ms; now_ms += 100) {
        wall_s += now_ms % 1000 == 0;
        for (size_t node = 0; node < 2; node++)
            if (now_ms >= history_deadline(&hosts[node].history))
                give(node, &(struct history_event){.type = HISTORY_TIMEOUT});
    }
}

static void ask(size_t node, enum history_verb verb, uint8_t bundle, bool is_alone,
                uint32_t confirm_s)
{
    struct history_request request = {.ticket = ++tickets,
                                      .verb = verb,
                                      .bundle = {bundle},
                                      .format = 1,
                                      .is_alone = is_alone,
                                      .confirm_s = confirm_s,
                                      .author = "root",
                                      .what = "apply"};
    give(node, &(struct history_event){.type = HISTORY_ASKED, .request = &request});
}

static void split(bool is_now)
{
    is_split = is_now;
    pass_ms(HISTORY_PARTNER_MS + 1000);
}

static void assert_told(const char *lines)
{
    ck_assert_str_eq(told, lines);
    told[0] = '\0';
}

START_TEST(a_document_is_prepared_on_both_before_it_is_in_force)
{
    setup();
    ask(0, HISTORY_APPLY, 1, false, 0);
    assert_told("ns1 keeps prepared 1\n"
                "ns2 keeps prepared 1\n"
                "ns1 keeps 1\n"
                "ns2 keeps 1\n"
                "ns1 answers: done\n");
    ask(1, HISTORY_APPLY, 2, false, 0);
    ask(0, HISTORY_APPLY, 1, false, 0);
    assert_told("ns2 answers: the other node writes the document: ask \n"
                "ns1 answers: nothing to do: it is so already\n");
}
END_TEST

START_TEST(what_does_not_fit_on_either_changes_neither)
{
    setup();
    hosts[1].unfit = "zone x: line 3";
    ask(0, HISTORY_APPLY, 1, false, 0);
    assert_told("ns1 keeps prepared 1\n"
                "ns1 keeps term, 0\n"
                "ns1 answers: it cannot be in force on the partner, no: zone x: line 3\n");
    hosts[1].unfit = NULL;
    hosts[0].unfit = "zone x: line 3";
    ask(0, HISTORY_APPLY, 2, false, 0);
    assert_told("ns1 answers: it cannot be in force on this node, noth: zone x: line 3\n");
}
END_TEST

START_TEST(a_silent_partner_follows_what_was_applied_alone)
{
    setup();
    split(true);
    ask(0, HISTORY_APPLY, 1, false, 0);
    ask(0, HISTORY_APPLY, 1, true, 0);
    assert_told("ns1 answers: the partner is silent: with --alone it c\n"
                "ns1 keeps 1\n"
                "ns1 answers: done; the partner will follow\n");
    split(false);
    assert_told("ns2 keeps 1\n");
}
END_TEST

START_TEST(at_the_start_a_request_waits_for_the_partner_to_be_heard)
{
    is_split = true;
    setup();
    ask(0, HISTORY_APPLY, 1, false, 0);
    assert_told("");
    is_split = false;
    pass_ms(HISTORY_STATE_MS + 200);
    assert_told("ns1 keeps prepared 1\n"
                "ns2 keeps prepared 1\n"
                "ns1 keeps 1\n"
                "ns2 keeps 1\n"
                "ns1 answers: done\n");
}
END_TEST

START_TEST(a_node_that_is_promoted_puts_in_force_what_it_had_prepared)
{
    setup();
    ask(0, HISTORY_APPLY, 1, false, 0);
    told[0] = '\0';
    is_mute = true; /* ns1 does not hear that it is prepared, and then dies */
    ask(0, HISTORY_APPLY, 2, false, 0);
    assert_told("ns1 keeps prepared 2\n"
                "ns2 keeps prepared 2\n");
    is_mute = false;
    is_split = true;
    ask(1, HISTORY_PROMOTE, 0, false, 0);
    assert_told("ns2 keeps 2\n"
                "ns2 answers: done\n");
    split(false);
    assert_told("ns1 answers: the partner had other revisions: see \"ta\n"
                "ns1 keeps prepared 2\n"
                "ns1 keeps 2\n");
    ck_assert(!history_is_writer(&hosts[0].history));
}
END_TEST

START_TEST(after_a_split_the_writers_list_stands_and_indexes_go_on)
{
    setup();
    ask(0, HISTORY_APPLY, 1, false, 0);
    split(true);
    ask(0, HISTORY_APPLY, 2, true, 0);
    ask(0, HISTORY_APPLY, 3, true, 0);
    ask(1, HISTORY_PROMOTE, 0, false, 0);
    ask(1, HISTORY_APPLY, 4, true, 0);
    told[0] = '\0';
    split(false);
    assert_told("ns1 keeps term, 3\n"
                "ns2 keeps 4\n"
                "ns1 keeps 4\n"
                "  and sets its own aside\n");
    for (size_t node = 0; node < 2; node++)
        ck_assert_uint_eq(history_head(&hosts[node].history)->bundle[0], 4);
    ck_assert_uint_eq(hosts[0].history.durable.set_aside.name.index, 3);
    ck_assert_uint_eq(hosts[0].history.durable.set_aside.bundle[0], 3);
    ask(1, HISTORY_APPLY, 5, false, 0);
    ck_assert_uint_eq(hosts[0].history.durable.set_aside.name.index, 0);
}
END_TEST

/* What was built meanwhile is another's: the one before it is not answered by any more. */
START_TEST(what_is_served_late_is_not_taken_for_what_is_in_force)
{
    setup();
    ask(0, HISTORY_APPLY, 1, false, 0);
    split(true);
    hosts[0].is_building = true;
    ask(0, HISTORY_APPLY, 2, true, 0);
    ask(1, HISTORY_PROMOTE, 0, false, 0);
    ask(1, HISTORY_APPLY, 3, true, 0);
    ask(1, HISTORY_ROLLBACK, 0, true, 0);
    told[0] = '\0';
    split(false);
    ck_assert_uint_eq(history_head(&hosts[0].history)->bundle[0], 1);
    ck_assert_ptr_null(strstr(told, "builds"));
    told[0] = '\0';
    give(0, &(struct history_event){.type = HISTORY_IS_SERVED, .sentence = ""});
    assert_told("  and builds it\n");
    ck_assert_uint_eq(hosts[0].history.serving_bundle[0], 1);
}
END_TEST

START_TEST(what_a_person_wrote_is_told_in_printable_words)
{
    static const char unfit[] = "tandem.yaml:3:1: found 'caf\xc3\xa9'\n";
    setup();
    hosts[1].unfit = unfit;
    ask(0, HISTORY_APPLY, 1, false, 0);
    ck_assert_ptr_nonnull(strstr(told, "found 'caf\?\?'?\n"));
}
END_TEST

START_TEST(what_nobody_confirms_ends_by_itself)
{
    setup();
    ask(0, HISTORY_APPLY, 1, false, 0);
    ask(0, HISTORY_APPLY, 2, false, 5);
    ask(0, HISTORY_APPLY, 3, false, 0);
    assert_told("ns1 keeps prepared 1\n"
                "ns2 keeps prepared 1\n"
                "ns1 keeps 1\n"
                "ns2 keeps 1\n"
                "ns1 answers: done\n"
                "ns1 keeps prepared 2\n"
                "ns2 keeps prepared 2\n"
                "ns1 keeps 2\n"
                "ns2 keeps 2\n"
                "ns1 answers: done\n"
                "ns1 answers: the document in force waits for \"tandemc\n");
    pass_ms(8000);
    assert_told("ns1 keeps 3\n"
                "ns2 keeps 3\n");
    ck_assert_uint_eq(history_head(&hosts[1].history)->bundle[0], 1);
    ask(0, HISTORY_APPLY, 2, false, 5);
    ask(0, HISTORY_CONFIRM, 0, false, 0);
    told[0] = '\0';
    pass_ms(8000);
    assert_told("");
    ck_assert_uint_eq(history_head(&hosts[1].history)->bundle[0], 2);
}
END_TEST

START_TEST(a_format_the_partner_does_not_read_is_refused)
{
    setup();
    hosts[0].history.partner_format = 0;
    ask(0, HISTORY_APPLY, 1, false, 0);
    assert_told("ns1 answers: the partner does not read this format of\n");
}
END_TEST

START_TEST(what_the_disk_refuses_has_changed_nothing)
{
    setup();
    hosts[0].is_disk_refusing = true;
    ask(0, HISTORY_APPLY, 1, false, 0);
    assert_told("ns1 answers: the disk refused it, nothing has changed\n");
    ck_assert_ptr_null(history_head(&hosts[0].history));
    hosts[0].is_disk_refusing = false;
    pass_ms(HISTORY_RETRY_MS);
    ask(0, HISTORY_ROLLBACK, 0, false, 0);
    assert_told("ns1 answers: there is no revision before it to go bac\n");
    ask(0, HISTORY_APPLY, 1, false, 0);
    ask(0, HISTORY_APPLY, 2, false, 0);
    ask(0, HISTORY_ROLLBACK, 0, false, 0);
    ck_assert_uint_eq(history_head(&hosts[1].history)->bundle[0], 1);
    ck_assert_str_eq(history_head(&hosts[1].history)->what, "rollback 1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history");
    SUITE_CASE(suite, "apply", a_document_is_prepared_on_both_before_it_is_in_force,
               what_does_not_fit_on_either_changes_neither,
               what_a_person_wrote_is_told_in_printable_words,
               a_silent_partner_follows_what_was_applied_alone,
               at_the_start_a_request_waits_for_the_partner_to_be_heard,
               a_format_the_partner_does_not_read_is_refused,
               what_the_disk_refuses_has_changed_nothing, what_nobody_confirms_ends_by_itself);
    SUITE_CASE(suite, "split", a_node_that_is_promoted_puts_in_force_what_it_had_prepared,
               after_a_split_the_writers_list_stands_and_indexes_go_on,
               what_is_served_late_is_not_taken_for_what_is_in_force);
    return suite_run(suite);
}
