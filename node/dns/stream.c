#include "node/dns/stream.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "node/dns/dice.h"

void stream_init(struct stream *self, int fd, const struct ip *client, uint8_t *memory)
{
    assert((uintptr_t)memory % STREAM_PAGE_BYTES == 0);
    *self =
        (struct stream){.fd = fd, .client = *client, .in = memory, .out = memory + STREAM_IN_BYTES};
}

/* False when the connection is broken. */
static bool receive(struct stream *self)
{
    assert(self->in_size < STREAM_IN_BYTES); /* whole queries are answered before more is read */
    ssize_t received =
        recv(self->fd, self->in + self->in_size, STREAM_IN_BYTES - self->in_size, MSG_DONTWAIT);
    if (received < 0)
        return errno == EAGAIN || errno == EINTR;
    if (received == 0)
        self->is_over = true;
    self->in_size += (size_t)received;
    if (self->in_size > self->in_peak)
        self->in_peak = self->in_size;
    return true;
}

/* Send what can be sent. False when the connection is broken. */
static bool flush(struct stream *self, struct stream_service *service)
{
    while (self->out_start < self->out_size) {
        ssize_t sent = send(self->fd, self->out + self->out_start, self->out_size - self->out_start,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN;
        self->out_start += (size_t)sent;
        udp_add(&service->counts->sent_bytes, (uint64_t)sent);
    }
    self->out_start = self->out_size = 0;
    return true;
}

/* Answer one message behind the answers already in out. RFC 7766 §8: length and message go out in
 * one write. */
static void answer_one(struct stream *self, struct stream_service *service,
                       const struct answer_request *request)
{
    struct answer answer = {0};
    uint8_t *length = self->out + self->out_size;
    udp_add(&service->counts->received_bytes, request->size);
    if (request->view == NULL) {
        udp_add(&service->counts->unready, 1);
    } else if (poison_is_match(service->poison, request->bytes, request->size)) {
        udp_add(&service->counts->poison, 1);
    } else {
        page_note_begin(service->note, request->bytes, request->size);
        answer_query(request, length + 2, ANSWER_SIZE_MAX, &answer);
        page_note_end(service->note);
        assert(answer.size <= ANSWER_SIZE_MAX);
        udp_count(service->counts, &answer);
    }
    if (answer.size == 0) {
        self->is_refused = true;
        return;
    }
    length[0] = (uint8_t)(answer.size >> 8);
    length[1] = (uint8_t)answer.size;
    self->out_size += 2 + answer.size;
}

/* Answer whole queries while the longest answer has room. False when there was none. */
static bool answer_queries(struct stream *self, struct stream_service *service)
{
    assert(self->out_size == 0);
    size_t start = 0;
    struct answer_request request = {
        .view = publish_view(service->publisher),
        .over_tcp = true,
        .client = self->client,
        .now_ms = service->now_ms,
    };
    while (self->in_size - start >= 2 &&
           self->out_size + STREAM_MESSAGE_BYTES <= STREAM_OUT_BYTES && !self->is_refused) {
        request.bytes = self->in + start + 2;
        request.size = (size_t)self->in[start] << 8 | self->in[start + 1];
        if (self->in_size - start - 2 < request.size)
            break;
        request.dice = dice_throw(&service->dice);
        answer_one(self, service, &request);
        start += 2 + request.size;
    }
    if (start == 0)
        return false;
    self->in_size -= start;
    memmove(self->in, self->in + start, self->in_size);
    if (self->out_size > self->out_peak)
        self->out_peak = self->out_size;
    return true;
}

enum stream_outcome stream_progress(struct stream *self, struct stream_service *service,
                                    bool *is_active)
{
    *is_active = false;
    if (!self->is_sending && !receive(self))
        return STREAM_LEFT;
    for (;;) {
        if (!flush(self, service))
            return STREAM_LEFT;
        bool was_sending = self->is_sending;
        self->is_sending = self->out_size > 0;
        if (self->is_sending)
            return STREAM_SENDS;
        bool is_answering = answer_queries(self, service);
        *is_active = *is_active || is_answering || was_sending;
        if (!is_answering)
            break;
    }
    if (self->is_refused)
        return STREAM_REFUSED;
    return self->is_over ? STREAM_LEFT : STREAM_READS;
}

static void give_back(uint8_t *buffer, size_t peak)
{
    if (peak > STREAM_PAGE_BYTES)
        madvise(buffer + STREAM_PAGE_BYTES, peak - STREAM_PAGE_BYTES, MADV_DONTNEED);
}

void stream_forget(struct stream *self)
{
    give_back(self->in, self->in_peak);
    give_back(self->out, self->out_peak);
    self->in_peak = self->out_peak = 0;
}
