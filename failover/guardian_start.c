#include "failover/guardian_start.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "failover/guardian_lan.h"
#include "failover/guardian_log.h"

int64_t guardian_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Those that are watched already stay so. */
void guardian_watch_partner(struct guardian *self)
{
    int fds[PARTNER_FDS_MAX];
    size_t count = partner_fds(&self->partner, fds);
    for (size_t i = 0; i < count; i++) {
        struct epoll_event readable = {.events = EPOLLIN, .data.fd = fds[i]};
        epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fds[i], &readable);
    }
    self->partner.is_reopened = false;
}

/* Remove the service addresses that an earlier life or a person left on the interface: only what we
 * hold may be there. EXIT_SYSTEM and a sentence when they cannot be changed. */
static int remove_residuals(struct guardian *self, int interface, char *sentence)
{
    const struct guardian_settings *settings = &self->settings;
    for (size_t i = 0; i < PAIR_NODES * PARTNER_HOME_MAX; i++) {
        char text[IP_TEXT_SIZE];
        const struct ip *ip = &settings->partner.home[i / PARTNER_HOME_MAX][i % PARTNER_HOME_MAX];
        if (ip->family == 0)
            continue;
        int removed = address_remove_residual(&self->partner.address, interface, ip);
        if (removed > 0)
            guardian_note(
                self, "guardian address present -> absent reason=residual address=%s interface=%s",
                ip_text(ip, text), settings->interface);
        if (removed == -EPERM) {
            snprintf(sentence, GUARDIAN_SENTENCE_SIZE,
                     "no permission to add addresses to interface %s: start tandemd as root or "
                     "with CAP_NET_ADMIN (systemd: AmbientCapabilities=CAP_NET_ADMIN)",
                     settings->interface);
            return EXIT_SYSTEM;
        }
        if (removed < 0) {
            snprintf(
                sentence, GUARDIAN_SENTENCE_SIZE,
                "service address %s stands on interface %s and cannot be removed (%s): take it "
                "out of the system's configuration, for tandemd adds it",
                ip_text(ip, text), settings->interface, strerror(-removed));
            return EXIT_SYSTEM;
        }
    }
    return 0;
}

/* An own address that the host lacks is only said: it may still come. Until then the gate cannot
 * probe there, and the node holds nothing; and a worker that is to be reported to cannot listen
 * there for agents, and ends the start itself. */
static void note_missing_own(struct guardian *self)
{
    const struct partner_settings *settings = &self->settings.partner;
    struct address addresses;
    int error = address_open(&addresses);
    for (size_t i = 0; i < 2 && error == 0; i++) {
        char text[IP_TEXT_SIZE];
        const struct ip *own = &settings->own[settings->self][i];
        if (own->family != 0 && address_is_present(&addresses, own) == 0)
            guardian_note(self,
                          "guardian own configured -> missing reason=not-on-this-host address=%s",
                          ip_text(own, text));
    }
    address_close(&addresses);
}

static int check_interface(struct guardian *self, char *sentence)
{
    const char *name = self->settings.interface;
    int interface = address_interface(name);
    if (interface < 0) {
        snprintf(sentence, GUARDIAN_SENTENCE_SIZE,
                 "interface %s of node %s cannot be used (%s): create it, or correct "
                 "nodes.%s.interface in %s",
                 name, self->settings.program.node, strerror(-interface),
                 self->settings.program.node, self->settings.program.config);
        return EXIT_SYSTEM;
    }
    if (partner_open(&self->partner, &self->settings.partner, guardian_now_us(), sentence) < 0)
        return EXIT_SYSTEM;
    guardian_watch_partner(self);
    return remove_residuals(self, interface, sentence);
}

static int open_loop(struct guardian *self)
{
    sigset_t blocked, read;
    sigemptyset(&read);
    sigaddset(&read, SIGTERM);
    sigaddset(&read, SIGINT);
    sigaddset(&read, SIGHUP);
    sigaddset(&read, SIGCHLD);
    blocked = read;
    sigaddset(&blocked, SIGPIPE); /* a reader of the log that went away is no reason to die */
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    self->signal_fd = signalfd(-1, &read, SFD_CLOEXEC | SFD_NONBLOCK);
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->signal_fd < 0 || self->epoll_fd < 0)
        return -errno;
    const int fds[] = {self->signal_fd, self->worker.death_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        struct epoll_event readable = {.events = EPOLLIN, .data.fd = fds[i]};
        if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fds[i], &readable) < 0)
            return -errno;
    }
    return 0;
}

int guardian_open(struct guardian *self, const struct guardian_settings *settings,
                  char sentence[GUARDIAN_SENTENCE_SIZE])
{
    *self = (struct guardian){
        .settings = *settings,
        .started_ms = guardian_now_us() / 1000,
        .is_told = true,
        .probe.fd = -1,
        .epoll_fd = -1,
        .signal_fd = -1,
        .exit_code = -1,
    };
    self->holds_addresses = settings->interface[0] != '\0';
    supervise_init(&self->supervise);
    gate_init(&self->gate);
    guardian_lan_init(&self->lan);

    int error = worker_open(&self->worker);
    if (error == 0)
        error = open_loop(self);
    const struct ip *own = settings->partner.own[settings->partner.self];
    if (error == 0)
        error = probe_open(&self->probe, &own[own[0].family == 0]);
    if (error < 0) {
        snprintf(
            sentence, GUARDIAN_SENTENCE_SIZE,
            "the system refuses what the guardian needs (%s): raise its limits and start again",
            strerror(-error));
        return EXIT_SYSTEM;
    }
    int code = self->holds_addresses ? check_interface(self, sentence) : 0;
    sodium_memzero(self->settings.partner.beat_keys, sizeof self->settings.partner.beat_keys);
    if (code == 0)
        note_missing_own(self);
    return code;
}

void guardian_close(struct guardian *self)
{
    if (self->holds_addresses)
        partner_close(&self->partner);
    probe_close(&self->probe);
    if (self->epoll_fd >= 0)
        close(self->epoll_fd);
    if (self->signal_fd >= 0)
        close(self->signal_fd);
    worker_close(&self->worker);
}
