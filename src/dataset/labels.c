#include "dataset/layout.h"

#include <strings.h>

// Words that published and home-made data sets use for the two kinds of images.
static const struct {
    const char *word;
    enum wc_label label;
} words[] = {
    {"good", WC_NORMAL},         {"normal", WC_NORMAL},     {"ok", WC_NORMAL},
    {"nominal", WC_NORMAL},      {"no", WC_NORMAL},         {"negative", WC_NORMAL},
    {"healthy", WC_NORMAL},      {"pass", WC_NORMAL},       {"defect_free", WC_NORMAL},
    {"defect-free", WC_NORMAL},  {"0", WC_NORMAL},          {"bad", WC_ANOMALOUS},
    {"anomalous", WC_ANOMALOUS}, {"anomaly", WC_ANOMALOUS}, {"anomalies", WC_ANOMALOUS},
    {"abnormal", WC_ANOMALOUS},  {"ng", WC_ANOMALOUS},      {"nok", WC_ANOMALOUS},
    {"ko", WC_ANOMALOUS},        {"defect", WC_ANOMALOUS},  {"defects", WC_ANOMALOUS},
    {"defective", WC_ANOMALOUS}, {"faulty", WC_ANOMALOUS},  {"yes", WC_ANOMALOUS},
    {"positive", WC_ANOMALOUS},  {"fail", WC_ANOMALOUS},    {"1", WC_ANOMALOUS},
};

bool wc_ds_label_of(const char *word, enum wc_label *label) {
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(words[i].word, word) == 0) {
            *label = words[i].label;
            return true;
        }
    return false;
}
