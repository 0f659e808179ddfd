// winclip-mpi prompts --object NAME
#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/installed.h"
#include "text/prompts.h"

#include <stdio.h>

static void print_list(const char *class, const struct wc_strlist *l) {
    for (size_t i = 0; i < l->n; i++)
        printf("%s\t%s\n", class, l->item[i]);
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    struct wc_strlist operands = {0}, normal = {0}, abnormal = {0};
    struct wc_prompts *prompts = NULL;
    const char *object = NULL, *category = NULL, *file = NULL, *list = NULL;
    char *path = NULL;
    bool help;
    const struct wc_arg args[] = {
        {"--object", 0, WC_ARG_TEXT, &object, "NAME", "what the pictures show: \"metal nut\""},
        {"--category", 0, WC_ARG_TEXT, &category, "NAME",
         "category, for sets with words of its own"},
        {"--prompts", 0, WC_ARG_TEXT, &file, "FILE", "prompt set; default: the paper's, built in"},
        {"--list", 0, WC_ARG_TEXT, &list, "NAME", "template list of the set: t22, t21, t22np"},
    };
    enum wc_err rc = wc_args_parse(argc, argv, args, 4, &operands, &help, err);
    if (rc == WC_OK && help)
        wc_args_help(&wc_command_prompts, args, 4);
    if (rc != WC_OK || help)
        goto out;
    if (!object || operands.n > 0) {
        rc = WC_FAIL(err, WC_ERR_USAGE, "prompts: --object NAME is needed, and no other operand");
        goto out;
    }
    if ((rc = wc_installed_find("prompts", file, &path, err)) != WC_OK ||
        (rc = wc_prompts_read(path, &prompts, err)) != WC_OK ||
        (rc = wc_prompts_expand(prompts, list, category, object, &normal, &abnormal, err)) != WC_OK)
        goto out;
    print_list("normal", &normal);
    print_list("abnormal", &abnormal);
out:
    wc_prompts_free(&prompts);
    wc_free(path);
    wc_strlist_release(&operands);
    wc_strlist_release(&normal);
    wc_strlist_release(&abnormal);
    return rc;
}

const struct wc_command wc_command_prompts = {
    .name = "prompts",
    .operands = "--object NAME",
    .summary = "the prompts that stand for an object, normal and abnormal",
    .run = run,
};
