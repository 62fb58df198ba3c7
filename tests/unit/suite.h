/* tests/unit/suite.h -- what every Check suite begins and ends with. */
#ifndef TANDEM_TESTS_UNIT_SUITE_H
#define TANDEM_TESTS_UNIT_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Add a test case of that name: its literal text is also how CMake finds it. */
#define SUITE_CASE(suite, name, ...)                                                               \
    do {                                                                                           \
        TCase *suite_case = tcase_create(name);                                                    \
        const TTest *const suite_tests[] = {__VA_ARGS__};                                          \
        for (size_t i = 0; i < sizeof suite_tests / sizeof *suite_tests; i++)                      \
            tcase_add_test(suite_case, suite_tests[i]);                                            \
        suite_add_tcase(suite, suite_case);                                                        \
    } while (0)

/* Run, and fail when nothing ran: a mistyped case name must not pass. */
static inline int suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    int ran = srunner_ntests_run(runner);
    srunner_free(runner);
    return ran == 0 || failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
