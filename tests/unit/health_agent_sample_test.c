#include "health/agent/sample.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static struct sample earlier, later;
static struct report report;

static const struct sample_texts nothing = {
    .stat = "", .meminfo = "", .diskstats = "", .net_dev = ""};

/* Linux 6.18, a virtual machine with two processors; only what is of no use here is shortened. */
static const struct sample_texts linux_6_18 = {
    .stat = "cpu  74227 52069 65796 1208712 2648 0 1519 502 0 0\n"
            "cpu0 32864 21532 30775 615990 788 0 381 243 0 0\n"
            "cpu1 41362 30536 35021 592722 1860 0 1137 259 0 0\n"
            "intr 11170346 0 0 0 0 0 0 3 0 0 0 0 0 0 0 0 0\n"
            "ctxt 30236530\n"
            "btime 1795366652\n",
    .meminfo = "MemTotal:       24684096 kB\n"
               "MemFree:        23502696 kB\n"
               "MemAvailable:   23808964 kB\n"
               "Buffers:            5984 kB\n"
               "Cached:           467352 kB\n"
               "SwapCached:            0 kB\n"
               "HugePages_Total:       0\n",
    .diskstats =
        "   7       0 loop0 9 9 9 9 9 9 9 9 9 999999999 9 0 0 0 0 0 0\n"
        " 254       0 vda 173191 14821 8471386 263232 701034 25459 10110864 51895 0 52548 333400 "
        "145624 71 5729328 11714 174329 6558\n"
        " 253       0 zram0 9 9 9 9 9 9 9 9 9 999999999 9 0 0 0 0 0 0\n",
    .net_dev =
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs "
        "drop fifo colls carrier compressed\n"
        "    lo: 1153432643  887310    0    0    0     0          0         0 1153432643  887310   "
        " 0    0    0     0       0          0\n"
        "  eth0: 30053583     867    0    0    0     0          0         0    43520     472    0  "
        "  0    0     0       0          0\n"
        "enp3s0: 17     1    0    0    0     0          0         0    480     2    0    0    0    "
        " "
        "0       0          0\n",
};

/* Linux 2.6.32, as on a server of 2011: no MemAvailable, 11 fields of a disk, no blank behind an
 * interface's colon, an alias. */
static const struct sample_texts linux_2_6_32 = {
    .stat = "cpu  100 20 30 4000 500 6 7 8 90\n",
    .meminfo = "MemTotal:      8174352 kB\n"
               "MemFree:        174352 kB\n"
               "Buffers:        200000 kB\n"
               "Cached:        3800000 kB\n"
               "SwapCached:        900 kB\n",
    .diskstats =
        "   1       0 ram0 0 0 0 0 0 0 0 0 0 0 0\n"
        "   8       0 sda 15433 2381 470954 78234 83110 92415 1404298 712044 0 90210 790276\n"
        "   8       1 sda1 319 281 2540 190 4 0 10 1 0 180 191\n"
        "  11       0 sr0 0 0 0 0 0 0 0 0 0 0 0\n",
    .net_dev = "Inter-|   Receive |  Transmit\n"
               " face |bytes |bytes\n"
               "    lo:  998877    1 0 0 0 0 0 0  998877 1 0 0 0 0 0 0\n"
               "  eth0:4294967999 5 0 0 0 0 0 0 1234567890123 6 0 0 0 0 0 0\n"
               "eth0:1:1 5 0 0 0 0 0 0 1 6 0 0 0 0 0 0\n",
};

START_TEST(a_kernel_of_2025_is_read)
{
    sample_read(&later, 5, &linux_6_18);
    ck_assert_int_eq(later.at_ms, 5);
    ck_assert_uint_eq(later.cpu_busy, 74227 + 52069 + 65796 + 0 + 1519 + 502);
    ck_assert_uint_eq(later.cpu_total, later.cpu_busy + 1208712 + 2648);
    ck_assert_uint_eq(later.memory_total_kb, 24684096);
    ck_assert_uint_eq(later.memory_available_kb, 23808964);
    ck_assert_uint_eq(later.disk_count, 1);
    ck_assert_str_eq(later.disks[0].name, "vda");
    ck_assert_uint_eq(later.disks[0].busy_ms, 52548);
    ck_assert_uint_eq(later.received_bytes, 30053583 + 17);
    ck_assert_uint_eq(later.sent_bytes, 43520 + 480);
}
END_TEST

START_TEST(a_kernel_of_2009_is_read)
{
    sample_read(&later, 5, &linux_2_6_32);
    ck_assert_uint_eq(later.cpu_busy, 100 + 20 + 30 + 6 + 7 + 8); /* 90 are a guest's */
    ck_assert_uint_eq(later.cpu_total, later.cpu_busy + 4000 + 500);
    ck_assert_uint_eq(later.memory_available_kb, 174352 + 200000 + 3800000);
    ck_assert_uint_eq(later.disk_count, 2);
    ck_assert_uint_eq(later.disks[0].busy_ms, 90210);
    ck_assert_uint_eq(later.received_bytes, 4294967999);
    ck_assert_uint_eq(later.sent_bytes, 1234567890123);
}
END_TEST

START_TEST(four_fields_of_processor_time_are_enough)
{
    struct sample_texts texts = nothing;
    texts.stat = "cpu 1 2 3 4";
    sample_read(&later, 0, &texts);
    ck_assert_uint_eq(later.cpu_busy, 6);
    ck_assert_uint_eq(later.cpu_total, 10);
}
END_TEST

START_TEST(three_fields_of_processor_time_are_not)
{
    struct sample_texts texts = nothing;
    texts.stat = "cpu 1 2 3";
    sample_read(&later, 0, &texts);
    ck_assert_uint_eq(later.cpu_total, 0);
}
END_TEST

START_TEST(the_processors_line_need_not_be_the_first)
{
    struct sample_texts texts = nothing;
    texts.stat = "cpufreq 9 9 9 9\ncpu0 9 9 9 9\ncpu 1 2 3 4\ncpu 9 9 9 9\n";
    sample_read(&later, 0, &texts);
    ck_assert_uint_eq(later.cpu_busy, 6);
}
END_TEST

START_TEST(what_is_no_disk_is_known_by_name_and_number)
{
    struct sample_texts texts = nothing;
    texts.diskstats = "7 9 loop9 1 2 3 4 5 6 7 8 9 10 11\n"
                      "7 0 ram0 1 2 3 4 5 6 7 8 9 10 11\n"
                      "2 0 fd0 1 2 3 4 5 6 7 8 9 10 11\n"
                      "8 0 s 1 2 3 4 5 6 7 8 9 10 11\n"
                      "8 0 a-name-of-31-bytes-is-the-longe 1 2 3 4 5 6 7 8 9 10 11\n";
    sample_read(&later, 0, &texts);
    ck_assert_uint_eq(later.disk_count, 2);
    ck_assert_str_eq(later.disks[0].name, "s");
    ck_assert_str_eq(later.disks[1].name, "a-name-of-31-bytes-is-the-longe");
}
END_TEST

START_TEST(texts_that_could_not_be_read_give_zeros)
{
    sample_read(&later, 9, &nothing);
    struct sample zero = {.at_ms = 9};
    ck_assert_mem_eq(&later, &zero, sizeof zero);
}
END_TEST

START_TEST(odd_lines_are_skipped)
{
    struct sample_texts odd = {
        .stat = "\n\ncpufreq 1 2 3 4\ncpu 1 2 x 4\ncpu 10 20 30 40\n",
        .meminfo = "MemTotal\nMemTotal: -5 kB\nMemAvailable: 99999999999999999999 kB\n"
                   "MemTotal: 18446744073709551615 kB\nMemFreeze: 4 kB\nMemFree: 7 kB",
        .diskstats = "8 0 sda 1 2 3 4 5 6 7 8 9 10\n"    /* 10 fields */
                     "8 0 sdb 1 2 3 4 5 6 7 8 9 x 11\n"  /* no number */
                     "x 0 sdc 1 2 3 4 5 6 7 8 9 10 11\n" /* no device */
                     "x 1 2 3 4 5 6 7 8 9 10 11 12 13\n"
                     "8 0\n8\n\n"
                     "8 0 a-name-of-32-bytes-is-one-too-lo 1 2 3 4 5 6 7 8 9 10 11\n"
                     "8 0 loopback 1 2 3 4 5 6 7 8 9 10 11\n" /* not loop and a digit */
                     "8 0 sdd\t1 2 3 4 5 6 7 8 9 12 11 trailing words",
        .net_dev = "eth0\n:\neth1:\neth2: 1 2 3 4 5 6 7 8\neth3: x 2 3 4 5 6 7 8 9\n"
                   "lo1: 5 2 3 4 5 6 7 8 6\n",
    };
    sample_read(&later, 0, &odd);
    ck_assert_uint_eq(later.cpu_total, 0); /* the line is there, but not of the known shape */
    ck_assert_uint_eq(later.memory_total_kb, UINT64_MAX);
    ck_assert_uint_eq(later.memory_available_kb, 7);
    ck_assert_uint_eq(later.disk_count, 2);
    ck_assert_str_eq(later.disks[0].name, "loopback");
    ck_assert_str_eq(later.disks[1].name, "sdd");
    ck_assert_uint_eq(later.disks[1].busy_ms, 12);
    ck_assert_uint_eq(later.received_bytes, 5);
    ck_assert_uint_eq(later.sent_bytes, 6);
}
END_TEST

START_TEST(more_disks_than_fit_are_left_out)
{
    static char text[8192];
    size_t used = 0;
    for (unsigned i = 0; i < SAMPLE_DISKS_MAX + 1; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "8 %u sd%u 0 0 0 0 0 0 0 0 0 %u 0\n", i, i, i);
    struct sample_texts texts = nothing;
    texts.diskstats = text;
    sample_read(&later, 0, &texts);
    ck_assert_uint_eq(later.disk_count, SAMPLE_DISKS_MAX);
    ck_assert_uint_eq(later.disks[SAMPLE_DISKS_MAX - 1].busy_ms, SAMPLE_DISKS_MAX - 1);
}
END_TEST

/* ---- figures ---- */

/* Half a second between two samples. */
static void begin(void)
{
    earlier = (struct sample){.at_ms = 1000,
                              .cpu_busy = 500,
                              .cpu_total = 1000,
                              .memory_total_kb = 1000,
                              .memory_available_kb = 900,
                              .disk_count = 2,
                              .disks = {{"sda", 1000000}, {"sdb", 10}},
                              .received_bytes = 100,
                              .sent_bytes = 200};
    later = earlier;
    later.at_ms = 1500;
    report =
        (struct report){.service_count = 1, .received_bytes_per_s = 999, .sent_bytes_per_s = 999};
    memset(&report.cpu_permille, 0xff, 3 * sizeof report.cpu_permille);
}

START_TEST(figures_are_what_was_gained_in_the_time_between)
{
    begin();
    later.cpu_busy += 25;
    later.cpu_total += 100;
    later.memory_available_kb = 400;
    later.disks[1].busy_ms += 100;
    later.received_bytes += 1000;
    later.sent_bytes += 7;
    sample_figures(&earlier, &later, &report);
    ck_assert_uint_eq(report.cpu_permille, 250);
    ck_assert_uint_eq(report.memory_permille, 600);
    ck_assert_uint_eq(report.disk_permille, 200);
    ck_assert_uint_eq(report.received_bytes_per_s, 2000);
    ck_assert_uint_eq(report.sent_bytes_per_s, 14);
    ck_assert_uint_eq(report.service_count, 1);
}
END_TEST

/* Not the one that has been busiest since boot. */
START_TEST(the_busiest_disk_is_that_of_the_time_between)
{
    begin();
    later.disks[0].busy_ms += 50;
    later.disks[1].busy_ms += 500;
    sample_figures(&earlier, &later, &report);
    ck_assert_uint_eq(report.disk_permille, 1000);
}
END_TEST

START_TEST(a_disk_is_known_by_its_name_not_by_its_place)
{
    begin();
    later.disk_count = 3;
    later.disks[0] = (struct sample_disk){"nvme0n1", 777777};
    later.disks[1] = (struct sample_disk){"sda", 1000100};
    later.disks[2] = (struct sample_disk){"sdb", 60};
    sample_figures(&earlier, &later, &report);
    ck_assert_uint_eq(report.disk_permille, 200);
}
END_TEST

START_TEST(counters_that_ran_backwards_give_zero)
{
    begin();
    later.cpu_busy = later.cpu_total = later.received_bytes = later.sent_bytes = 1;
    later.disks[0].busy_ms = later.disks[1].busy_ms = 0;
    later.memory_available_kb = 2000; /* more than there is */
    sample_figures(&earlier, &later, &report);
    ck_assert_uint_eq(report.cpu_permille, 0);
    ck_assert_uint_eq(report.memory_permille, 0);
    ck_assert_uint_eq(report.disk_permille, 0);
    ck_assert_uint_eq(report.received_bytes_per_s, 0);
    ck_assert_uint_eq(report.sent_bytes_per_s, 0);
}
END_TEST

START_TEST(without_time_between_there_is_no_rate)
{
    begin();
    later.at_ms = earlier.at_ms;
    later.cpu_busy += 25;
    later.cpu_total += 100;
    later.received_bytes += 5;
    sample_figures(&earlier, &later, &report);
    ck_assert_uint_eq(report.cpu_permille, 0);
    ck_assert_uint_eq(report.memory_permille, 100);
    ck_assert_uint_eq(report.disk_permille, 0);
    ck_assert_uint_eq(report.received_bytes_per_s, 0);
    ck_assert_uint_eq(report.sent_bytes_per_s, 0);
}
END_TEST

START_TEST(figures_stay_in_their_range_whatever_the_counters_say)
{
    begin();
    later.cpu_busy = UINT64_MAX;
    later.cpu_total = UINT64_MAX - 1;
    later.disks[0].busy_ms = UINT64_MAX;
    later.received_bytes = UINT64_MAX;
    later.memory_total_kb = UINT64_MAX;
    later.memory_available_kb = UINT64_MAX / 2;
    sample_figures(&earlier, &later, &report);
    ck_assert_uint_eq(report.cpu_permille, 1000);
    ck_assert_uint_eq(report.memory_permille, 500);
    ck_assert_uint_eq(report.disk_permille, 1000);
    ck_assert_uint_eq(report.received_bytes_per_s, UINT64_MAX / 500);
    earlier.memory_total_kb = later.memory_total_kb = 0;
    sample_figures(&earlier, &later, &report);
    ck_assert_uint_eq(report.memory_permille, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("health/agent/sample");
    SUITE_CASE(suite, "read", a_kernel_of_2025_is_read, a_kernel_of_2009_is_read,
               four_fields_of_processor_time_are_enough, three_fields_of_processor_time_are_not,
               the_processors_line_need_not_be_the_first,
               what_is_no_disk_is_known_by_name_and_number, texts_that_could_not_be_read_give_zeros,
               odd_lines_are_skipped, more_disks_than_fit_are_left_out);
    SUITE_CASE(suite, "figures", figures_are_what_was_gained_in_the_time_between,
               the_busiest_disk_is_that_of_the_time_between,
               a_disk_is_known_by_its_name_not_by_its_place, counters_that_ran_backwards_give_zero,
               without_time_between_there_is_no_rate,
               figures_stay_in_their_range_whatever_the_counters_say);
    return suite_run(suite);
}
