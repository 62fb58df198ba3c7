/* node/dns/dice.h -- random bits for a DNS thread, without a system call for each answer.
 *
 * splitmix64 (Steele, Lea, Flood 2014), seeded from the kernel once: good enough to spread answers,
 * not to keep a secret. Each thread has dice of its own. */
#ifndef TANDEM_NODE_DNS_DICE_H
#define TANDEM_NODE_DNS_DICE_H

#include <sodium.h>
#include <stdint.h>

static inline uint64_t dice_seed(void)
{
    uint64_t dice;
    randombytes_buf(&dice, sizeof dice);
    return dice;
}

/* 64 fresh bits. */
static inline uint64_t dice_throw(uint64_t *dice)
{
    uint64_t bits = *dice += 0x9e3779b97f4a7c15;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
    return bits ^ bits >> 31;
}

#endif
