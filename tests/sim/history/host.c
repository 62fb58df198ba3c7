/* A node's shell: what its history wants done, done some time later. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "sim/history/history.h"

void sim_bundle(size_t number, uint8_t *digest)
{
    memset(digest, 0, REVISION_DIGEST_SIZE);
    digest[0] = (uint8_t)(number + 1);
}

size_t sim_bundle_number(const uint8_t *digest)
{
    return (size_t)digest[0] - 1;
}

uint64_t sim_wall_s(const struct sim *self)
{
    return 1700000000 + (uint64_t)self->now_ms / 1000;
}

static void tell_event(struct sim *self, size_t host, struct history_event *event)
{
    struct sim_host *h = &self->hosts[host];
    struct history_update update;
    struct history_kept before = h->history.durable;
    event->wall_s = sim_wall_s(self);
    history_step(&h->history, self->now_ms, event, &update);
    for (size_t i = 0; i < update.send_count; i++)
        sim_send(self, host, &update.sends[i]);
    if (update.keep)
        h->keep_ms = self->now_ms + 1 + (int64_t)sim_dice(self, 30);
    if (update.check) {
        h->check_ms = self->now_ms + 1 + (int64_t)sim_dice(self, 300);
        memcpy(h->checking, update.bundle, sizeof h->checking);
    }
    if (update.serve) {
        h->serve_ms =
            self->now_ms + 1 + (int64_t)sim_dice(self, sim_dice(self, 4) == 0 ? 5000 : 100);
        memcpy(h->serving_bundle, h->history.serving_bundle, sizeof h->serving_bundle);
    }
    if (update.set_aside)
        sim_see_aside(self, host, &before);
    if (update.reply_ticket != 0)
        sim_see_reply(self, host, &update);
}

void sim_give(struct sim *self, size_t host, struct history_event *event)
{
    if (self->hosts[host].is_up)
        tell_event(self, host, event);
}

void sim_start(struct sim *self, size_t host)
{
    struct sim_host *h = &self->hosts[host];
    struct history_config config = {
        .number = (uint8_t)(host + 1), .has_partner = true, .format = 1};
    history_init(&h->history, &config);
    h->history.partner_format = 1;
    h->is_up = true;
    h->keep_ms = h->check_ms = h->serve_ms = 0;
    bool is_readable = sim_dice(self, 4) != 0;
    h->answers_by = h->has_disk && h->disk.count > 0 && is_readable
                        ? sim_bundle_number(h->disk.revisions[h->disk.count - 1].bundle)
                        : SIM_BUNDLES;
    sim_trace(self, "%zu starts", host + 1);
    sim_give(self, host,
             &(struct history_event){.type = HISTORY_START,
                                     .kept = h->has_disk ? &h->disk : NULL,
                                     .sentence = is_readable ? "" : "unreadable"});
}

/* What was being written is there whole, or not at all. */
void sim_crash(struct sim *self, size_t host, int64_t for_ms)
{
    struct sim_host *h = &self->hosts[host];
    if (!h->is_up)
        return;
    if (h->keep_ms != 0 && sim_dice(self, 2) == 0) {
        h->disk = h->history.kept;
        h->has_disk = true;
        sim_see_disk(self, host);
        if (h->history.was_set_aside)
            sim_see_aside(self, host, &h->history.durable);
    }
    h->is_up = false;
    h->ticket = 0;
    h->up_due_ms = self->now_ms + for_ms;
    sim_trace(self, "%zu crashes for %lld ms", host + 1, (long long)for_ms);
    for (size_t i = 0; i < SIM_PACKETS_MAX; i++)
        if (self->packets[i].to == host)
            self->packets[i].due_ms = 0;
    sim_give(self, 1 - host, &(struct history_event){.type = HISTORY_PARTNER_LOST});
}

static void end_keep(struct sim *self, size_t host)
{
    struct sim_host *h = &self->hosts[host];
    bool is_bad = self->now_ms < h->disk_bad_until_ms;
    h->keep_ms = 0;
    if (!is_bad) {
        h->disk = h->history.kept;
        h->has_disk = true;
        sim_see_disk(self, host);
    }
    sim_give(self, host, &(struct history_event){.type = HISTORY_KEPT, .error = is_bad ? -28 : 0});
}

static void end_check(struct sim *self, size_t host)
{
    struct sim_host *h = &self->hosts[host];
    size_t number = sim_bundle_number(h->checking);
    bool can_fetch = self->hosts[1 - host].is_up && self->now_ms >= self->cut_until_ms &&
                     self->hosts[1 - host].has_bundle[number];
    h->check_ms = 0;
    h->has_bundle[number] |= can_fetch;
    const char *sentence = !h->has_bundle[number] ? NULL
                           : h->is_unfit[number]  ? "zone tandem.example: line 3: no"
                                                  : "";
    sim_trace(self, "%zu checked bundle %zu: %s", host + 1, number,
              sentence == NULL      ? "not to be had"
              : sentence[0] == '\0' ? "fits"
                                    : sentence);
    sim_give(self, host,
             &(struct history_event){
                 .type = HISTORY_CHECKED, .bundle = h->checking, .sentence = sentence});
}

static void end_serve(struct sim *self, size_t host)
{
    struct sim_host *h = &self->hosts[host];
    size_t number = sim_bundle_number(h->serving_bundle);
    bool is_served = h->has_bundle[number] && !h->is_unfit[number];
    h->serve_ms = 0;
    if (is_served)
        h->answers_by = number;
    sim_give(self, host,
             &(struct history_event){.type = HISTORY_IS_SERVED,
                                     .sentence = is_served ? "" : "it does not fit"});
}

void sim_step_host(struct sim *self, size_t host)
{
    struct sim_host *h = &self->hosts[host];
    if (!h->is_up && self->now_ms >= h->up_due_ms)
        sim_start(self, host);
    if (!h->is_up || self->now_ms < h->stalled_until_ms)
        return;
    if (h->keep_ms != 0 && self->now_ms >= h->keep_ms)
        end_keep(self, host);
    if (h->check_ms != 0 && self->now_ms >= h->check_ms)
        end_check(self, host);
    if (h->serve_ms != 0 && self->now_ms >= h->serve_ms)
        end_serve(self, host);
    if (self->now_ms >= history_deadline(&h->history))
        sim_give(self, host, &(struct history_event){.type = HISTORY_TIMEOUT});
}
