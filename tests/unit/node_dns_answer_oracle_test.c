/* Small zones at random, each asked everything: answer.c against a second opinion.
 *
 * The oracle is RFC 1034 §4.3.2 with RFC 4592 and RFC 6672 read naively: a list of records, walked
 * from the top of the zone down for every question, names as text. It shares no code, table or
 * order of steps with what it judges; slow and plain is its virtue. */
#include "unit/dialogue.h"
#include "unit/suite.h"

/* What a test has time for; each is another zone. */
enum {
    FIRST_ZONE = 0,
    ZONES = 120,
    RECORDS_MAX = 24,
    NAME_TEXT = 300,
    CHAIN_MAX = 16,
    HEARD_MAX = 8192
};

#define ORIGIN "z."
#define SOA    "z. 60 SOA s.z. t.z. 1 2 3 4 60"

struct record {
    char owner[NAME_TEXT], data[NAME_TEXT];
    const char *type;
};

static struct record records[RECORDS_MAX];
static size_t record_count;
static struct dialogue dialogue;
static uint64_t dice;

static unsigned throw_dice(unsigned sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice >> 33) % sides;
}

/* ---- zones ---- */

/* A name of 0 to 3 labels in the zone. */
static void make_name(char *name)
{
    static const char *const labels[] = {"a.", "b.", "c.", "*."};
    name[0] = '\0';
    for (unsigned depth = throw_dice(4); depth > 0; depth--)
        strcat(name, labels[throw_dice(4)]);
    strcat(name, ORIGIN);
}

static const struct record *find(const char *owner, const char *type)
{
    for (size_t i = 0; i < record_count; i++)
        if (strcmp(records[i].owner, owner) == 0 && strcmp(records[i].type, type) == 0)
            return &records[i];
    return NULL;
}

static bool has_any(const char *owner)
{
    for (size_t i = 0; i < record_count; i++)
        if (strcmp(records[i].owner, owner) == 0)
            return true;
    return false;
}

/* A record, unless a zone may not have it beside what is there. One of a type at a name. */
static void make_record(void)
{
    static const char *const types[] = {"A", "A", "TXT", "NS", "CNAME", "CNAME", "DNAME", "DS"};
    struct record *record = &records[record_count];
    record->type = types[throw_dice(8)];
    make_name(record->owner);
    bool is_apex = strcmp(record->owner, ORIGIN) == 0;
    if (find(record->owner, record->type) != NULL || find(record->owner, "CNAME") != NULL)
        return;
    if (strcmp(record->type, "CNAME") == 0 && (is_apex || has_any(record->owner)))
        return;
    if (is_apex && (strcmp(record->type, "DS") == 0))
        return;
    if (strcmp(record->type, "A") == 0)
        snprintf(record->data, NAME_TEXT, "192.0.2.%u", throw_dice(255));
    else if (strcmp(record->type, "TXT") == 0)
        snprintf(record->data, NAME_TEXT, "\"t%u\"", throw_dice(255));
    else if (strcmp(record->type, "DS") == 0)
        snprintf(record->data, NAME_TEXT, "%u 8 2 0011", throw_dice(255));
    else if (throw_dice(8) == 0)
        strcpy(record->data, "a.elsewhere.");
    else
        make_name(record->data);
    record_count++;
}

static void make_zone(void)
{
    static char text[RECORDS_MAX * 2 * NAME_TEXT];
    records[0] = (struct record){ORIGIN, "s.z.", "NS"};
    record_count = 1;
    for (unsigned count = 1 + throw_dice(RECORDS_MAX - 2); count > 0; count--)
        make_record();
    size_t size = (size_t)snprintf(text, sizeof text, "$TTL 300\n@ SOA s t 1 2 3 4 60\n");
    for (size_t i = 0; i < record_count; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s %s %s\n", records[i].owner,
                                 records[i].type, records[i].data);
    dialogue_with(&dialogue, ORIGIN, text);
}

/* ---- the oracle ---- */

struct opinion {
    char answer[HEARD_MAX], authority[HEARD_MAX], additional[HEARD_MAX];
    const char *rcode;
    bool authoritative;
};

static bool is_within(const char *name, const char *ancestor)
{
    size_t size = strlen(name), ancestor_size = strlen(ancestor);
    const char *end = name + size - ancestor_size;
    return size >= ancestor_size && strcmp(end, ancestor) == 0 &&
           (size == ancestor_size || end[-1] == '.');
}

/* A name exists when it or a name below it has a record (RFC 4592 §2.2.2). */
static bool exists(const char *name)
{
    for (size_t i = 0; i < record_count; i++)
        if (is_within(records[i].owner, name))
            return true;
    return false;
}

static const char *parent(const char *name)
{
    return strchr(name, '.') + 1;
}

/* Add the record, once. */
static void say(char *section, const char *owner, const struct record *record)
{
    size_t used = strlen(section);
    char said[2 * NAME_TEXT + 32];
    snprintf(said, sizeof said, "%s 300 %s %s", owner, record->type, record->data);
    for (const char *at = section; (at = strstr(at, said)) != NULL; at++)
        if ((at == section || at[-1] == ' ') && strchr(";", at[strlen(said)]) != NULL)
            return;
    snprintf(section + used, HEARD_MAX - used, "%s%s", used == 0 ? "" : "; ", said);
}

/* The topmost delegation or DNAME that hides the name; *is_cut says which. */
static const char *find_cover(const char *name, bool *is_cut)
{
    const char *cover = NULL;
    for (const char *at = name;; at = parent(at)) {
        bool is_apex = strcmp(at, ORIGIN) == 0;
        bool has_cut = !is_apex && find(at, "NS") != NULL;
        if (has_cut || (at != name && find(at, "DNAME") != NULL)) {
            cover = at;
            *is_cut = has_cut;
        }
        if (is_apex)
            return cover;
    }
}

static void refer(struct opinion *opinion, const char *cut, bool is_first)
{
    bool is_cut = false;
    const struct record *ns = find(cut, "NS");
    snprintf(opinion->authority, HEARD_MAX, "%s 300 NS %s", cut, ns->data);
    opinion->authoritative = !is_first;
    const struct record *address = find(ns->data, "A");
    if (address != NULL && find_cover(ns->data, &is_cut) != NULL && is_cut)
        say(opinion->additional, ns->data, address);
}

/* What stands at the node for this name. True: an alias leads on, to next. */
static bool say_node(struct opinion *opinion, const char *name, const char *node, const char *type,
                     char *next)
{
    const struct record *record = find(node, type), *alias = find(node, "CNAME");
    if (record != NULL) {
        say(opinion->answer, name, record);
    } else if (alias != NULL) {
        say(opinion->answer, name, alias);
        strcpy(next, alias->data);
        return true;
    } else {
        strcpy(opinion->authority, SOA);
    }
    return false;
}

/* RFC 6672 §2.2. */
static bool say_dname(struct opinion *opinion, const char *name, const char *owner,
                      const char *type, char *next)
{
    const struct record *dname = find(owner, "DNAME");
    say(opinion->answer, owner, dname);
    size_t kept = strlen(name) - strlen(owner);
    ck_assert_uint_lt(kept + strlen(dname->data), NAME_TEXT);
    memcpy(next, name, kept);
    strcpy(next + kept, dname->data);
    struct record cname = {.type = "CNAME"};
    strcpy(cname.data, next);
    say(opinion->answer, name, &cname);
    return strcmp(type, "CNAME") != 0;
}

/* One name. True: an alias leads on, to next. */
static bool say_name(struct opinion *opinion, const char *name, const char *type, bool is_first,
                     char *next)
{
    bool is_cut = false;
    char wildcard[NAME_TEXT + 2]; /* "*." before it */
    const char *cover = find_cover(name, &is_cut), *closest = name;
    if (cover != NULL && is_cut && !(cover == name && strcmp(type, "DS") == 0)) {
        refer(opinion, cover, is_first);
        return false;
    }
    if (cover != NULL && !is_cut)
        return say_dname(opinion, name, cover, type, next);
    if (exists(name))
        return say_node(opinion, name, name, type, next);
    while (!exists(closest))
        closest = parent(closest);
    snprintf(wildcard, sizeof wildcard, "*.%s", closest);
    if (exists(wildcard) && find(wildcard, "NS") == NULL)
        return say_node(opinion, name, wildcard, type, next);
    if (!exists(wildcard))
        opinion->rcode = "NXDOMAIN";
    strcpy(opinion->authority, SOA);
    return false;
}

static void form_opinion(struct opinion *opinion, const char *question, const char *type)
{
    static char said[CHAIN_MAX][NAME_TEXT];
    char name[NAME_TEXT], next[NAME_TEXT];
    opinion->rcode = "NOERROR";
    opinion->authoritative = true;
    opinion->answer[0] = opinion->authority[0] = opinion->additional[0] = '\0';
    strcpy(name, question);
    for (size_t count = 0;; count++) {
        char before[HEARD_MAX];
        strcpy(before, opinion->answer);
        if (!is_within(name, ORIGIN) || !say_name(opinion, name, type, count == 0, next))
            return;
        bool is_again = count == CHAIN_MAX;
        for (size_t i = 0; i < count && !is_again; i++)
            is_again = strcmp(said[i], name) == 0;
        if (is_again) {
            strcpy(opinion->answer, before);
            return;
        }
        strcpy(said[count], name);
        strcpy(name, next);
    }
}

static const char *write_opinion(const struct opinion *opinion)
{
    static char text[4 * HEARD_MAX];
    const char *answer = opinion->answer[0] == '\0' ? "-" : opinion->answer;
    const char *flags = opinion->authoritative ? " aa" : "";
    if (opinion->additional[0] != '\0')
        snprintf(text, sizeof text, "%s%s | %s | %s | %s", opinion->rcode, flags, answer,
                 opinion->authority, opinion->additional);
    else if (opinion->authority[0] != '\0')
        snprintf(text, sizeof text, "%s%s | %s | %s", opinion->rcode, flags, answer,
                 opinion->authority);
    else
        snprintf(text, sizeof text, "%s%s | %s", opinion->rcode, flags, answer);
    return text;
}

/* ---- both ---- */

static void ask(const char *name)
{
    static const char *const types[] = {"A", "TXT", "CNAME", "DNAME", "DS"};
    static struct opinion opinion;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char question[NAME_TEXT + 16];
        snprintf(question, sizeof question, "%s %s +tcp", name, types[i]);
        const char *heard = dialogue_ask(&dialogue, question);
        form_opinion(&opinion, name, types[i]);
        const char *expected = write_opinion(&opinion);
        if (strcmp(heard, expected) == 0)
            continue;
        for (size_t at = 0; at < record_count; at++)
            printf("%s %s %s\n", records[at].owner, records[at].type, records[at].data);
        ck_abort_msg("%s\n  heard    %s\n  expected %s", question, heard, expected);
    }
}

/* Every name that has a record, a child of it, and some at random. */
START_TEST(every_answer_is_what_the_rfcs_read_naively_say)
{
    for (unsigned zone = 0; zone < ZONES; zone++) {
        char name[NAME_TEXT];
        dice = FIRST_ZONE + zone;
        make_zone();
        for (size_t i = 0; i < record_count; i++) {
            ask(records[i].owner);
            snprintf(name, sizeof name, "c.%.290s", records[i].owner);
            ask(name);
        }
        for (unsigned i = 0; i < 8; i++) {
            make_name(name);
            ask(name);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/answer: oracle");
    SUITE_CASE(suite, "oracle", every_answer_is_what_the_rfcs_read_naively_say);
    return suite_run(suite);
}
