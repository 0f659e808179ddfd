// BTAD, MPDD, DAGM, MVTec LOCO, MVTec AD 2, Real-IAD, DTD-Synthetic, a user's own CSV table.
#include "fixture.h"

static void btad(void) {
    struct wc_dataset_options o = {.name = "btad"};
    fixture_begin("btad");
    fixture_files("01/train/ok/0000.bmp 01/test/ok/0000.bmp 01/test/ko/0000.bmp "
                  "01/ground_truth/ko/0000.png 02/train/ok/0000.png 02/test/ko/0001.png "
                  "02/ground_truth/ko/0001.png 03/test/ok/0000.bmp 03/test/ko/0002.bmp "
                  "03/ground_truth/ko/0002.bmp");
    fixture_expect(o, NULL,
                   "01 masks\n - train/ok/0000.bmp\n x test/ko/0000.bmp ko "
                   "ground_truth/ko/0000.png\n . test/ok/0000.bmp good\n"
                   "02 masks\n - train/ok/0000.png\n x test/ko/0001.png ko "
                   "ground_truth/ko/0001.png\n"
                   "03 masks\n x test/ko/0002.bmp ko ground_truth/ko/0002.bmp\n"
                   " . test/ok/0000.bmp good\n",
                   "btad: ok and ko, bmp and png");
}

static void like_mvtec(void) {
    static const char *const names[] = {"mpdd", "dtd_synthetic", "dtd-synthetic"};
    fixture_begin("like-mvtec");
    fixture_files("Woven_001/train/good/000.png Woven_001/test/good/000.png "
                  "Woven_001/test/parts_mismatch/000.png "
                  "Woven_001/ground_truth/parts_mismatch/000_mask.png");
    for (size_t i = 0; i < 3; i++) {
        struct wc_dataset_options o = {.name = names[i]};
        fixture_expect(o, NULL,
                       "Woven_001 masks\n - train/good/000.png\n . test/good/000.png good\n"
                       " x test/parts_mismatch/000.png parts_mismatch "
                       "ground_truth/parts_mismatch/000_mask.png\n",
                       names[i]);
    }
}

static void dagm(void) {
    struct wc_dataset_options o = {.name = "dagm"};
    fixture_begin("dagm");
    fixture_files("Class1/Train/0001.PNG Class1/Train/0002.PNG Class1/Train/Label/0002_label.PNG "
                  "Class1/Train/Label/Labels.txt Class1/Test/0003.PNG Class1/Test/0576.PNG "
                  "Class1/Test/Label/0576_label.PNG Class1/Test/Label/Labels.txt "
                  "Class10/Test/0001.PNG Class10/Test/Thumbs.db readme.txt");
    fixture_dir("Class10/Test/Label");
    fixture_expect(o, NULL,
                   "Class1 masks\n - Train/0001.PNG\n . Test/0003.PNG good\n"
                   " x Test/0576.PNG defect Test/Label/0576_label.PNG\n"
                   "Class10\n . Test/0001.PNG good\n",
                   "dagm: labelled images are anomalous; labelled training images are left out");
    fixture_files("Class1/Test/Label/0999_label.PNG");
    fixture_refuse(o, "unmatched-mask", "Class1|Test/Label/0999_label.PNG");
    unlink(fixture_path("Class1/Test/Label/0999_label.PNG"));
    rmdir(fixture_path("Class10/Test/Label"));
    fixture_refuse(o, "not-found", "Class10/Test/Label");
    fixture_begin("dagm-empty");
    fixture_files("Class1/Train/0001.PNG");
    fixture_dir("Class1/Train/Label");
    fixture_refuse(o, "empty-category", "Class1");
}

static void loco(void) {
    struct wc_dataset_options o = {.name = "mvtec_loco"};
    fixture_begin("loco");
    fixture_files("pins/train/good/000.png pins/validation/good/000.png pins/test/good/000.png "
                  "pins/test/logical_anomalies/000.png pins/test/logical_anomalies/001.png "
                  "pins/test/structural_anomalies/000.png pins/defects_config.json "
                  "pins/ground_truth/logical_anomalies/000/000.png "
                  "pins/ground_truth/logical_anomalies/000/001.png "
                  "pins/ground_truth/logical_anomalies/001/000.png "
                  "pins/ground_truth/structural_anomalies/000/000.png");
    fixture_expect(o, NULL,
                   "pins masks\n - train/good/000.png\n . test/good/000.png good\n"
                   " x test/logical_anomalies/000.png logical_anomalies "
                   "ground_truth/logical_anomalies/000/000.png "
                   "ground_truth/logical_anomalies/000/001.png\n"
                   " x test/logical_anomalies/001.png logical_anomalies "
                   "ground_truth/logical_anomalies/001/000.png\n"
                   " x test/structural_anomalies/000.png structural_anomalies "
                   "ground_truth/structural_anomalies/000/000.png\n",
                   "loco: several masks an image");
    fixture_files("pins/ground_truth/logical_anomalies/009/000.png");
    fixture_refuse(o, "unmatched-mask", "ground_truth/logical_anomalies/009");
    unlink(fixture_path("pins/ground_truth/logical_anomalies/009/000.png"));
    rmdir(fixture_path("pins/ground_truth/logical_anomalies/009"));
    unlink(fixture_path("pins/ground_truth/logical_anomalies/001/000.png"));
    fixture_refuse(o, "missing-mask", "test/logical_anomalies/001.png");
    fixture_begin("loco-flat");
    fixture_files(
        "pins/test/logical_anomalies/000.png pins/ground_truth/logical_anomalies/000.png");
    fixture_refuse(o, "unmatched-mask", "ground_truth/logical_anomalies/000.png");
}

static void ad2(void) {
    struct wc_dataset_options o = {.name = "mvtec_ad2"};
    fixture_begin("ad2");
    fixture_files("can/train/good/000_regular.png can/validation/good/100_regular.png "
                  "can/test_public/good/200_regular.png can/test_public/bad/300_regular.png "
                  "can/test_public/ground_truth/bad/300_regular_mask.png "
                  "can/test_private/400_regular.png can/test_private_mixed/500_overexposed.png");
    fixture_expect(o, NULL,
                   "can masks\n - train/good/000_regular.png\n"
                   " ? test_private/400_regular.png test_private\n"
                   " ? test_private_mixed/500_overexposed.png test_private_mixed\n"
                   " x test_public/bad/300_regular.png bad "
                   "test_public/ground_truth/bad/300_regular_mask.png\n"
                   " . test_public/good/200_regular.png good\n",
                   "ad2: private images have no label");
    fixture_files("can/test_public/ground_truth/bad/301_regular_mask.png");
    fixture_refuse(o, "unmatched-mask", "test_public/ground_truth/bad/301_regular_mask.png");
}

#define NG "NG/AK/S0001/a_C1.jpg"
static void real_iad(void) {
    struct wc_dataset_options o = {.name = "real_iad"};
    static const char split[] =
        "{\"meta\": {\"prefix\": \"usb/\", \"normal_class\": \"OK\"},"
        "\"train\": [{\"category\": \"usb\", \"anomaly_class\": \"OK\", \"image_path\": "
        "\"OK/S0001/n.jpg\", \"mask_path\": null}],"
        "\"test\": [{\"anomaly_class\": \"AK\", \"image_path\": \"" NG
        "\", \"mask_path\": \"NG/AK/S0001/a_C1.png\"},"
        "{\"anomaly_class\": \"OK\", \"image_path\": \"NG/AK/S0001/a_C2.jpg\","
        " \"mask_path\": null}]}";
    static const char wanted[] = "usb masks\n - OK/S0001/n.jpg\n"
                                 " x " NG " AK NG/AK/S0001/a_C1.png\n"
                                 " . NG/AK/S0001/a_C2.jpg good\n";
    fixture_begin("real-iad");
    fixture_files("realiad_1024/usb/OK/S0001/n.jpg realiad_1024/usb/" NG
                  " realiad_1024/usb/NG/AK/S0001/a_C2.jpg realiad_256/usb/OK/S0001/n.jpg "
                  "realiad_1024/usb/NG/AK/S0001/a_C1.png");
    fixture_text("realiad_jsons/realiad_jsons/usb.json", split);
    fixture_text("realiad_jsons/realiad_jsons/tape.json", split); // its images are not there
    fixture_expect(o, NULL, wanted, "real_iad: the split's JSON, the largest images");

    static const struct {
        const char *json, *fault, *parts;
    } bad[] = {
        {"{", "json-syntax", "usb.json"},
        {"[]", "bad-split", "train"},
        {"{\"train\": [], \"test\": {}}", "bad-split", "test"},
        {"{\"train\": [], \"test\": [7]}", "bad-split", "test[0]"},
        {"{\"train\": [], \"test\": [{\"anomaly_class\": \"OK\", \"image_path\": 1}]}", "bad-split",
         "test[0]|image_path"},
        {"{\"train\": [], \"test\": [{\"anomaly_class\": \"OK\", \"image_path\": "
         "\"../tape/x.jpg\"}]}",
         "bad-path", "../tape/x.jpg"},
        {"{\"train\": [], \"test\": [{\"anomaly_class\": \"OK\", \"image_path\": \"/x.jpg\"}]}",
         "bad-path", "/x.jpg"},
        {"{\"train\": [], \"test\": [{\"anomaly_class\": \"AK\", \"image_path\": \"" NG
         "\", \"mask_path\": \"../m.png\"}]}",
         "bad-path", "../m.png"},
        {"{\"train\": [], \"test\": [{\"anomaly_class\": \"AK\", \"image_path\": \"" NG "\"}]}",
         "missing-mask", NG},
        {"{\"train\": [], \"test\": [{\"anomaly_class\": \"AK\", \"image_path\": \"" NG
         "\", \"mask_path\": 3}]}",
         "bad-split", "mask_path"},
        {"{\"train\": [], \"test\": [{\"anomaly_class\": \"OK\", \"image_path\": \"OK/no.jpg\"}]}",
         "not-found", "OK/no.jpg"},
        {"{\"train\": [{\"anomaly_class\": \"OK\", \"image_path\": \"OK/S0001/n.jpg\"}],"
         " \"test\": [{\"anomaly_class\": \"OK\", \"image_path\": \"OK/S0001/n.jpg\"}]}",
         "bad-split", "OK/S0001/n.jpg"},
        {"{\"train\": [], \"test\": []}", "empty-category", "usb"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fixture_text("realiad_jsons/realiad_jsons/usb.json", bad[i].json);
        fixture_refuse(o, bad[i].fault, bad[i].parts);
    }
    fixture_begin("real-iad-none");
    fixture_dir("realiad_1024/usb");
    fixture_refuse(o, "not-found", "realiad_jsons");
}

static void csv(void) {
    struct wc_dataset_options o = {.name = "csv"};
    fixture_begin("own");
    fixture_files("img/0.png img/1.png img/2.png img/3.png img/m1.png");
    fixture_text("set.csv", "category,split,image,label,mask,defect\n"
                            "gear,train,img/0.png,good,,\n"
                            "gear,test,img/1.png,NG,img/m1.png,bent\n"
                            "gear,test,img/2.png,,,\n"
                            "nut,test,img/3.png,anomaly,,\n");
    static const char wanted[] = "gear masks\n - img/0.png\n x img/1.png bent img/m1.png\n"
                                 " ? img/2.png unlabelled\nnut\n x img/3.png anomaly\n";
    fixture_expect(o, NULL, wanted, "csv: the folder's only table");
    fixture_expect(o, "set.csv", wanted, "csv: the table");
    fixture_text("other.csv", "image\nimg/1.png\nimg/0.png\n");
    fixture_expect(o, "other.csv", "own\n ? img/0.png unlabelled\n ? img/1.png unlabelled\n",
                   "csv: images alone");
    fixture_refuse(o, "not-found", "2 CSV files");
    o.root = fixture_path("other.csv");
    fixture_text("other.csv", "image\n../own/img/1.png\n");
    fixture_refuse(o, "bad-path", "other.csv:2|../own/img/1.png");
    fixture_text("other.csv", "picture\nimg/1.png\n");
    fixture_refuse(o, "bad-split", "image");
}

static void names(void) {
    size_t n = 0, n_found = 0;
    const char *const *name = wc_dataset_names(&n);
    for (size_t i = 0; i < n; i++) {
        struct wc_dataset d = {0};
        struct wc_error err = {0};
        struct wc_dataset_options o = {.name = name[i], .root = "/nonexistent"};
        // a known name gets as far as its root
        n_found += wc_dataset_list(&o, &d, &err) == WC_ERR_DATA;
    }
    test_ok(n == 11 && n_found == n, "each name is known");
}

int main(void) {
    btad();
    like_mvtec();
    dagm();
    loco();
    ad2();
    real_iad();
    csv();
    names();
    return test_done();
}
