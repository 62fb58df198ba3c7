#include "node/dns/view.h"

#include "node/dns/view_parts.h"
#include "unit/dialogue.h"
#include "unit/suite.h"

static struct dialogue dialogue;

#define HEAD "$TTL 300\n@ SOA s t 1 2 3 4 60\n@ NS s\n"

#define PARENT_SOA "example. 60 SOA s.example. t.example. 1 2 3 4 60"
#define CHILD_SOA  "child.example. 60 SOA s.child.example. t.child.example. 1 2 3 4 60"

/* Parent and child in either order: what is answered must not depend on it. */
static void open_family(bool is_child_first, const char *parent, const char *child)
{
    dialogue_open(&dialogue);
    if (is_child_first)
        dialogue_add_zone(&dialogue, "child.example", child);
    dialogue_add_zone(&dialogue, "example", parent);
    if (!is_child_first)
        dialogue_add_zone(&dialogue, "child.example", child);
    ck_assert_ptr_null(dialogue_build(&dialogue));
}

START_TEST(a_served_child_answers_for_its_names)
{
    static const char parent[] = HEAD "child NS ns.child\nchild NS s\nchild DS 1 8 2 0011\n"
                                      "ns.child A 192.0.2.66\ngone.child A 192.0.2.67\n";
    static const char child[] = HEAD "ns A 192.0.2.53\n@ TXT c\n";
    static const struct dialogue_line lines[] = {
        {"child.example TXT", "NOERROR aa | child.example. 300 TXT \"c\""},
        {"child.example NS", "NOERROR aa | child.example. 300 NS s.child.example."},
        {"ns.child.example A", "NOERROR aa | ns.child.example. 300 A 192.0.2.53"},
        {"gone.child.example A", "NXDOMAIN aa | - | " CHILD_SOA},
        {"x.example A", "NXDOMAIN aa | - | " PARENT_SOA},
        /* RFC 4035 §3.1.4.1 */
        {"child.example DS", "NOERROR aa | child.example. 300 DS 1 8 2 0011"},
        {"example DS", "NOERROR aa | - | " PARENT_SOA},
    };
    for (int is_child_first = 0; is_child_first < 2; is_child_first++) {
        open_family(is_child_first, parent, child);
        dialogue_expect(&dialogue, lines);
        ck_assert_uint_eq(view_zone_count(dialogue.view), 2);
        ck_assert_uint_eq(view_record_count(dialogue.view), 7 + 4);
    }
}
END_TEST

START_TEST(no_ds_is_denied_by_the_parent)
{
    static const struct dialogue_line by_parent[] = {
        {"child.example DS", "NOERROR aa | - | " PARENT_SOA}};
    static const struct dialogue_line by_child[] = {
        {"child.example DS", "NOERROR aa | - | " CHILD_SOA}};
    open_family(true, HEAD "child NS s\n", HEAD);
    dialogue_expect(&dialogue, by_parent);
    /* Without a delegation in the parent only the child knows the name. */
    open_family(true, HEAD, HEAD);
    dialogue_expect(&dialogue, by_child);
}
END_TEST

/* The zone between is the parent; what the top zone has below it is nobody's. */
START_TEST(of_three_zones_the_one_between_is_the_parent)
{
    static const char *const origins[] = {"example", "b.example", "a.b.example"};
    static const char *const texts[] = {HEAD "a.b DS 9 8 2 99\nb NS s\n",
                                        HEAD "a NS s\na DS 1 8 2 0011\n", HEAD};
    static const struct dialogue_line lines[] = {
        {"a.b.example DS", "NOERROR aa | a.b.example. 300 DS 1 8 2 0011"},
    };
    static const int orders[][3] = {{0, 1, 2}, {2, 1, 0}, {2, 0, 1}, {1, 0, 2}};
    for (size_t order = 0; order < 4; order++) {
        dialogue_open(&dialogue);
        for (size_t i = 0; i < 3; i++)
            dialogue_add_zone(&dialogue, origins[orders[order][i]], texts[orders[order][i]]);
        ck_assert_ptr_null(dialogue_build(&dialogue));
        dialogue_expect(&dialogue, lines);
    }
    dialogue_open(&dialogue);
    dialogue_add_zone(&dialogue, "example", HEAD "a.b DS 9 8 2 99\n");
    dialogue_add_zone(&dialogue, "b.example", HEAD);
    dialogue_add_zone(&dialogue, "a.b.example", HEAD);
    ck_assert_ptr_null(dialogue_build(&dialogue));
    static const struct dialogue_line denied[] = {
        {"a.b.example DS", "NOERROR aa | - | a.b.example. 60 SOA s.a.b.example. t.a.b.example. 1 "
                           "2 3 4 60"},
    };
    dialogue_expect(&dialogue, denied);
}
END_TEST

/* The grandchild is served, but the zone above it is delegated away. */
START_TEST(a_ds_below_a_delegation_is_referred)
{
    dialogue_open(&dialogue);
    dialogue_add_zone(&dialogue, "example", HEAD "b NS n.org.\na.b DS 9 8 2 99\n");
    dialogue_add_zone(&dialogue, "a.b.example", HEAD "@ TXT t\n");
    ck_assert_ptr_null(dialogue_build(&dialogue));
    static const struct dialogue_line lines[] = {
        {"a.b.example DS", "NOERROR | - | b.example. 300 NS n.org."},
        {"a.b.example TXT", "NOERROR aa | a.b.example. 300 TXT \"t\""},
        {"c.b.example TXT", "NOERROR | - | b.example. 300 NS n.org."},
    };
    dialogue_expect(&dialogue, lines);
}
END_TEST

START_TEST(aliases_are_not_followed_into_another_zone)
{
    open_family(false, HEAD "child NS s\na CNAME x.child\n", HEAD "x A 192.0.2.1\n");
    static const struct dialogue_line lines[] = {
        {"a.example A", "NOERROR aa | a.example. 300 CNAME x.child.example."},
    };
    dialogue_expect(&dialogue, lines);
}
END_TEST

START_TEST(a_siblings_server_in_a_served_child_has_glue)
{
    open_family(false, HEAD "child NS ns.child\nsib NS ns.child\n", HEAD "ns A 192.0.2.53\n");
    static const struct dialogue_line lines[] = {
        {"sib.example A", "NOERROR | - | sib.example. 300 NS ns.child.example. | "
                          "ns.child.example. 300 A 192.0.2.53"},
    };
    dialogue_expect(&dialogue, lines);
}
END_TEST

START_TEST(a_zone_is_served_once)
{
    dialogue_open(&dialogue);
    dialogue_add_zone(&dialogue, "example", HEAD);
    dialogue_add_zone(&dialogue, "EXAMPLE", HEAD);
    const char *error = dialogue_build(&dialogue);
    ck_assert_ptr_nonnull(error);
    ck_assert_str_eq(error, "zone example. is there twice");
}
END_TEST

START_TEST(a_view_may_have_no_zone)
{
    dialogue_open(&dialogue);
    ck_assert_ptr_null(dialogue_build(&dialogue));
    static const struct dialogue_line lines[] = {{"example A +edns", "REFUSED +edns ede=20"}};
    dialogue_expect(&dialogue, lines);
}
END_TEST

START_TEST(a_name_too_long_for_an_answer_is_refused)
{
    static char nsid[VIEW_NSID_MAX + 2];
    memset(nsid, 'n', VIEW_NSID_MAX);
    dialogue_open(&dialogue);
    dialogue.config.nsid = nsid;
    ck_assert_ptr_null(dialogue_build(&dialogue));
    /* The longest question, and still the whole OPT record within 512 bytes. */
    char question[512];
    snprintf(question, sizeof question, "%063d.%063d.%063d.%061d A +nsid +size=512", 0, 0, 0, 0);
    ck_assert_ptr_nonnull(strstr(dialogue_ask(&dialogue, question), "ede=20"));
    nsid[VIEW_NSID_MAX] = 'n';
    const char *error = dialogue_build(&dialogue);
    ck_assert_ptr_nonnull(error);
    ck_assert_str_eq(error, "the node's name is longer than 128 bytes");
}
END_TEST

START_TEST(a_view_that_does_not_fit_its_memory_is_refused)
{
    dialogue_open(&dialogue);
    dialogue_add_zone(&dialogue, "example", HEAD "sub NS a.sub\na.sub A 192.0.2.1\n");
    size_t before = dialogue.arena.used_bytes;
    ck_assert_ptr_null(dialogue_build(&dialogue));
    size_t needed = dialogue.arena.used_bytes;
    for (size_t size = before; size < needed; size += 16) {
        dialogue.arena.used_bytes = before;
        dialogue.arena.size_bytes = size;
        const char *error = dialogue_build(&dialogue);
        ck_assert_ptr_nonnull(error);
        ck_assert_str_eq(error, "the zones take more memory than expected");
    }
}
END_TEST

START_TEST(nodes_hang_together)
{
    dialogue_with(&dialogue, "example",
                  HEAD "a.b A 192.0.2.1\n*.b A 192.0.2.2\nd DNAME x\n"
                       "y.d A 192.0.2.3\nc NS s\nz.c A 192.0.2.4\n");
    const struct view_node *b = view_find(dialogue.view, (const uint8_t *)"\1b\7example", 11);
    const struct view_node *star = view_find(dialogue.view, (const uint8_t *)"\1*\1b\7example", 13);
    const struct view_node *y = view_find(dialogue.view, (const uint8_t *)"\1y\1d\7example", 13);
    const struct view_node *z = view_find(dialogue.view, (const uint8_t *)"\1z\1c\7example", 13);
    ck_assert_ptr_nonnull(b);
    ck_assert_ptr_eq(b->wildcard, star);
    ck_assert_ptr_eq(star->parent, b);
    ck_assert_ptr_eq(b->parent, b->zone->apex);
    ck_assert_ptr_null(b->zone->apex->parent);
    ck_assert_ptr_eq(y->dname, y->parent);
    ck_assert_ptr_null(y->parent->dname);
    ck_assert_ptr_eq(z->cut, z->parent);
    ck_assert_ptr_eq(z->parent->cut, z->parent);
    ck_assert_uint_eq(dialogue.view->labels_max, 3);
    ck_assert_ptr_null(view_find(dialogue.view, (const uint8_t *)"\1q\7example", 11));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/view");
    SUITE_CASE(suite, "zones", a_served_child_answers_for_its_names, no_ds_is_denied_by_the_parent,
               of_three_zones_the_one_between_is_the_parent, a_ds_below_a_delegation_is_referred,
               aliases_are_not_followed_into_another_zone,
               a_siblings_server_in_a_served_child_has_glue);
    SUITE_CASE(suite, "build", a_zone_is_served_once, a_view_may_have_no_zone,
               a_name_too_long_for_an_answer_is_refused,
               a_view_that_does_not_fit_its_memory_is_refused, nodes_hang_together);
    return suite_run(suite);
}
