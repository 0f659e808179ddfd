// The harness itself: a failing check is reported, with the exit status and the line that prove
// reads.
#include "test.h"

#include <unistd.h>

#include <sys/wait.h>

int main(void) {
    int fd[2];
    if (pipe(fd) != 0)
        return 1;
    pid_t child = fork();
    if (child == 0) {
        dup2(fd[1], 1);
        test_ok(false, "deliberate");
        test_near(1.0, 2.0, 0.5, "too far");
        test_near(NAN, 1.0, 0.5, "nan is not a number");
        test_str("a", "b", "different");
        int failed = test_done();
        fflush(stdout);
        _exit(failed);
    }
    close(fd[1]);
    char text[1024];
    size_t n = 0;
    for (ssize_t r; (r = read(fd[0], text + n, sizeof text - 1 - n)) > 0;)
        n += (size_t)r;
    text[n] = '\0';
    int status = 0;
    waitpid(child, &status, 0);
    test_ok(WIFEXITED(status) && WEXITSTATUS(status) == 1,
            "a program with a failed check exits with 1");
    test_ok(strncmp(text, "not ok 1 - deliberate\n", 22) == 0, "a failed check prints not ok");
    test_ok(strstr(text, "not ok 2 - too far") && strstr(text, "not ok 3 - nan") &&
                strstr(text, "not ok 4 - diff"),
            "every helper can fail");
    test_ok(strstr(text, "1..4") != NULL, "the plan counts the checks");
    return test_done();
}
