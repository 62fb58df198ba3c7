/* failover/probe.h -- the guardian's end of the probes: one socket that asks every DNS thread.
 *
 * Probes go from the node's own address to the same address, each to the port that its thread wrote
 * into the shared page (struct page_probe, and a DNS query for the SOA of the root behind it). The
 * socket hears the loopback device alone, where the host's traffic to itself passes, so a flood
 * from outside fills no buffer here. Nothing waits, logs or takes memory: some 5 microseconds for
 * each probe and answer. All that comes in is checked as if anybody had sent it. */
#ifndef TANDEM_FAILOVER_PROBE_H
#define TANDEM_FAILOVER_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replication/ip.h"

struct probe {
    int fd; /* -1: closed */
    struct ip address;
    uint64_t refused; /* datagrams that are no answer of this life */
};

struct probe_answer {
    uint32_t thread; /* as it says itself: any number */
    uint64_t nonce;
};

/* Bind to the node's own address, which need not be there yet. 0 or -errno. */
int probe_open(struct probe *self, const struct ip *address);
void probe_close(struct probe *self);

/* Ask a thread of the life with this boot id. port is what the page says; one that makes no sense
 * is as good as a thread that does not answer: 0. Else 0, or -errno when the kernel does not take
 * it, for which the thread is not to blame. */
int probe_send(struct probe *self, uint64_t boot, uint32_t thread, uint32_t port, uint64_t nonce);

/* 1 and an answer; 0: none waits; -EBADMSG: what came was none of this life, read on; or another
 * -errno. Call until 0, but no more than some hundred times. */
int probe_receive(struct probe *self, uint64_t boot, struct probe_answer *answer);

#endif
