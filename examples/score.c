// Scores pictures of one object with libwinclip: cc score.c $(pkg-config --cflags --libs winclip)
//     ./a.out MODEL OBJECT PICTURE... [-- NORMAL PICTURE...]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winclip.h>

static void need(enum winclip_status status, const char *error) {
    if (status == WINCLIP_OK)
        return;
    fprintf(stderr, "score: %s\n", error);
    exit((int)status);
}

int main(int argc, char **argv) {
    const char *bpe = getenv("WINCLIP_BPE"); // "model.bpe=FILE" for a model with its own vocabulary
    const char *settings[] = {bpe, NULL};
    winclip_model *model;
    winclip_scorer *scorer;
    winclip_prototypes *object;
    winclip_bank *bank = NULL;
    int i, n = 3;
    if (argc < 4)
        return fprintf(stderr, "usage: score MODEL OBJECT PICTURE... [-- NORMAL PICTURE...]\n"), 2;
    need(winclip_model_open(argv[1], settings, &model), winclip_model_error(model));
    need(winclip_scorer_new(model, NULL, &scorer), winclip_scorer_error(scorer));
    need(winclip_prototypes_new(scorer, argv[2], NULL, &object), winclip_scorer_error(scorer));
    while (n < argc && strcmp(argv[n], "--") != 0)
        n++;
    if (n + 1 < argc)
        need(winclip_bank_new(scorer, &bank), winclip_scorer_error(scorer));
    for (i = n + 1; i < argc; i++)
        need(winclip_bank_add_file(scorer, bank, argv[i]), winclip_scorer_error(scorer));
    for (i = 3; i < n; i++) {
        unsigned char *rgb;
        size_t width, height;
        double score;
        need(winclip_read_image(scorer, argv[i], &rgb, &width, &height),
             winclip_scorer_error(scorer));
        need(winclip_score_rgb8(scorer, object, bank, rgb, width, height, 3 * width, &score, NULL,
                                0, 0),
             winclip_scorer_error(scorer));
        winclip_pixels_free(rgb);
        printf("%s\t%.6f\n", argv[i], score);
    }
    winclip_bank_free(bank);
    winclip_prototypes_free(object);
    winclip_scorer_free(scorer);
    winclip_model_free(model);
    return 0;
}
