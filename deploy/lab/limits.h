/* deploy/lab/limits.h -- as many descriptors as the kernel lets one process have.
 *
 * The lab's tools hold one descriptor for each connection. As root the limit is fs.nr_open, else
 * the hard limit that the shell gave. */
#ifndef TANDEM_DEPLOY_LAB_LIMITS_H
#define TANDEM_DEPLOY_LAB_LIMITS_H

#include <stdio.h>
#include <sys/resource.h>

/* Raise RLIMIT_NOFILE as far as it goes; returns the limit that now holds. */
static inline rlim_t limits_raise_descriptors(void)
{
    unsigned long most = 0;
    FILE *file = fopen("/proc/sys/fs/nr_open", "re");
    if (file != NULL) {
        if (fscanf(file, "%lu", &most) != 1)
            most = 0;
        fclose(file);
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    struct rlimit wanted = {.rlim_cur = most, .rlim_max = most};
    if (most <= limit.rlim_max || setrlimit(RLIMIT_NOFILE, &wanted) != 0) {
        limit.rlim_cur = limit.rlim_max;
        return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
    }
    return wanted.rlim_cur;
}

#endif
