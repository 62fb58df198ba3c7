#include "failover/partner_act.h"

enum {
    SEEK_US = 60000000,
    SEEK_SOON_US = 10000000, /* while it is not known whether it is refused */
    CLAIM_US = 1000000,      /* after it was sought: whoever has it has answered */
    TAKEN_US = 150000000,    /* since it was heard: it is not claimed */
    UNANSWERED_MAX = 2,
};

bool partner_is_spare_taken(const struct partner *self, int64_t now_us)
{
    return self->spare.taken_us != INT64_MIN && now_us - self->spare.taken_us < TAKEN_US;
}

bool partner_is_spare_refused(const struct partner *self)
{
    return self->spare.unanswered > UNANSWERED_MAX;
}

void partner_spare_answered(struct partner *self, int64_t now_us)
{
    self->spare.unanswered = 0;
    self->spare.seek_us = now_us + SEEK_US;
}

void partner_try_spare(struct partner *self, int64_t now_us)
{
    struct partner_spare *spare = &self->spare;
    for (size_t family = 0; family < 2 && now_us >= spare->seek_us; family++)
        if (self->settings.spare[family].family != 0)
            partner_count_frame(self,
                                neighbour_probe(&self->neighbour, &self->settings.spare[family]));
    if (now_us >= spare->seek_us) {
        bool is_known = spare->unanswered > UNANSWERED_MAX || partner_is_spare_taken(self, now_us);
        spare->seek_us = now_us + (is_known ? SEEK_US : SEEK_SOON_US);
        spare->claim_us = now_us + CLAIM_US;
    }
    if (now_us < spare->claim_us)
        return;
    spare->claim_us = INT64_MAX;
    if (partner_is_spare_taken(self, now_us))
        return;
    partner_ask_witnesses(self, self->settings.spare);
    spare->unanswered++;
}

int64_t partner_spare_deadline_us(const struct partner *self)
{
    const struct partner_spare *spare = &self->spare;
    return spare->seek_us < spare->claim_us ? spare->seek_us : spare->claim_us;
}
