#include "failover/rights.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "replication/key.h"

#define BIT(capability) (UINT64_C(1) << (capability))

static const uint64_t guardian_needs = BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW); /* with addresses */
static const uint64_t guardian_keeps =
    BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW) | BIT(CAP_IPC_LOCK) | BIT(CAP_SYS_NICE);
static const uint64_t worker_keeps = BIT(CAP_NET_BIND_SERVICE);

struct sets {
    uint64_t permitted, effective, inheritable; /* a bit a capability */
};

/* ---- capget(2) and capset(2), which the C library does not declare ---- */

static int get(struct sets *sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, words) < 0)
        return -errno;
    *sets = (struct sets){
        .permitted = words[0].permitted | (uint64_t)words[1].permitted << 32,
        .effective = words[0].effective | (uint64_t)words[1].effective << 32,
        .inheritable = words[0].inheritable | (uint64_t)words[1].inheritable << 32,
    };
    return 0;
}

static int set(const struct sets *sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3];
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        words[i] = (struct __user_cap_data_struct){
            .permitted = (uint32_t)(sets->permitted >> 32 * i),
            .effective = (uint32_t)(sets->effective >> 32 * i),
            .inheritable = (uint32_t)(sets->inheritable >> 32 * i),
        };
    return syscall(SYS_capset, &header, words) < 0 ? -errno : 0;
}

/* Until the kernel knows no more of them. Without CAP_SETPCAP nothing happens. */
static void empty_bounding_set(void)
{
    for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

/* ---- tandemd ---- */

int rights_user(struct rights_user *user, char sentence[RIGHTS_SENTENCE_SIZE])
{
    *user = (struct rights_user){.uid = geteuid(), .gid = getegid(), .is_root = geteuid() == 0};
    if (!user->is_root)
        return 0;
    FILE *file = fopen("/etc/passwd", "re");
    if (file == NULL) {
        int error = -errno;
        snprintf(sentence, RIGHTS_SENTENCE_SIZE, "/etc/passwd cannot be read (%s): mend that first",
                 strerror(-error));
        return error;
    }
    struct passwd *entry;
    while ((entry = fgetpwent(file)) != NULL && strcmp(entry->pw_name, RIGHTS_USER) != 0)
        continue;
    if (entry != NULL) {
        user->uid = entry->pw_uid;
        user->gid = entry->pw_gid;
    }
    fclose(file);
    if (entry != NULL && user->uid != 0)
        return 0;
    snprintf(sentence, RIGHTS_SENTENCE_SIZE,
             "%s " RIGHTS_USER " in /etc/passwd: tandemd does not stay root; make a user with "
             "useradd --system " RIGHTS_USER,
             entry == NULL ? "there is no user" : "root is called");
    return -ENOENT;
}

/* From root to the user. The permitted capabilities stay, by PR_SET_KEEPCAPS; the rest goes. */
static int become(const struct rights_user *user)
{
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
        setresgid(user->gid, user->gid, user->gid) < 0 ||
        setresuid(user->uid, user->uid, user->uid) < 0)
        return -errno;
    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    assert(getuid() != 0);
    return 0;
}

/* Make what the worker needs inheritable, which takes a bounding set that has it. */
static int prepare(void)
{
    struct sets sets;
    int error = get(&sets);
    if (error < 0)
        return error;
    sets.inheritable |= sets.permitted & worker_keeps;
    return set(&sets);
}

/* Keep of what we have what the two programs need. */
static int reduce(void)
{
    struct sets has;
    int error = get(&has);
    if (error < 0)
        return error;
    const struct sets keep = {
        .permitted = has.permitted & (guardian_keeps | worker_keeps),
        .effective = has.permitted & guardian_keeps,
        .inheritable = has.permitted & worker_keeps,
    };
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    error = set(&keep);
    if (error == 0 && keep.inheritable != 0 &&
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) < 0)
        error = -errno;
    return error;
}

/* 0, or -EPERM and a sentence when a capability is missing without which no address is held. */
static int check_needs(char *sentence)
{
    struct sets has;
    int error = get(&has);
    if (error < 0 || (has.effective & guardian_needs) == guardian_needs)
        return error;
    snprintf(sentence, RIGHTS_SENTENCE_SIZE,
             "no permission to hold service addresses: CAP_NET_ADMIN and CAP_NET_RAW are needed; "
             "start tandemd by deploy/tandem.service, or as root");
    return -EPERM;
}

int rights_guard(const struct rights_user *user, bool has_interface,
                 char sentence[RIGHTS_SENTENCE_SIZE])
{
    sentence[0] = '\0';
    int error = prepare();
    empty_bounding_set();
    if (error == 0 && user->is_root)
        error = become(user);
    if (error == 0)
        error = reduce();
    if (error == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        error = -errno;
    key_hide(); /* again: who becomes another user can be read by it */
    if (error == 0 && has_interface)
        error = check_needs(sentence);
    if (error < 0 && sentence[0] == '\0')
        snprintf(sentence, RIGHTS_SENTENCE_SIZE,
                 "cannot become user " RIGHTS_USER " with the rights tandemd needs (%s): start it "
                 "by deploy/tandem.service, or as root outside of a container that forbids it",
                 strerror(-error));
    return error;
}

/* ---- tandem-worker ---- */

void rights_serve(void)
{
    key_hide();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    empty_bounding_set();
}

int rights_end(void)
{
    /* The ambient set empties with the permitted one (capabilities(7)). */
    return set(&(struct sets){0});
}

/* ---- what the capabilities are for ---- */

int rights_lock_memory(void)
{
    return mlockall(MCL_CURRENT | MCL_FUTURE) < 0 ? -errno : 0;
}

int rights_come_first(void)
{
    const struct sched_param priority = {.sched_priority = RIGHTS_PRIORITY};
    /* Of the thread, not of the process: that is what 0 means to the kernel. */
    return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority) < 0 ? -errno : 0;
}
